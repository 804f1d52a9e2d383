import CTransport
import Glibc
import Synchronization

/// Accepts connections at an address and hands them, once they have proved who they are, to reactors.
///
/// Each reactor has a listening socket of its own (SO_REUSEPORT), over which the kernel spreads what comes; since it does so
/// by chance, a connection goes elsewhere where its own reactor has more than another.
public final class Listener: @unchecked Sendable {
  // Sendable, because the variables below are touched on the handshake reactor's thread alone.
  private static let backlog: Int32 = 1024
  private static let acceptsATurn = 64
  /// Handshakes that never end must not fill all places for longer than clients wait to connect.
  private static let crowdedTimeout = Duration.seconds(2)
  private static let restTime = Duration.milliseconds(100)

  /// The port it listens at.
  public let port: UInt16

  private let context: TLSContext
  private let reactors: [Reactor]
  private let limits: ListenerLimits
  private let refused: @Sendable (TransportError, SocketAddress) -> Void
  private let accept: @Sendable (Connection) -> any ConnectionDelegate
  private let handshakes: Reactor
  /// One for each reactor.
  private let sockets: [Descriptor]
  private let perReactor: OpenCounts
  private let open = Atomic<Int>(0)
  private let accepted = Atomic<Int>(0)
  private let turnedAway = Atomic<Int>(0)
  private let handshakesDone = Atomic<Int>(0)
  private let handshakesFailed = Atomic<Int>(0)
  private let handshakesUnderWay = Atomic<Int>(0)
  private var underWay = 0 {
    didSet { handshakesUnderWay.store(underWay, ordering: .relaxed) }
  }
  private var watches: [Watch] = []
  private var sources: SourceLimiter
  private var perIdentity: [PeerIdentity: Int] = [:]
  /// Given up for a moment to take a connection off the queue when the process is out of descriptors.
  private var spare: Descriptor?

  /// Binds and listens. Blocks while a host name is looked up.
  ///
  /// `accept` is called on the connection's reactor and says who hears of it; `refused` on the handshake thread for
  /// each connection that got no further. Throws `system` where the address is taken.
  public init(
    address: SocketAddress, context: TLSContext, reactors: [Reactor], limits: ListenerLimits = .standard,
    refused: @escaping @Sendable (TransportError, SocketAddress) -> Void = { _, _ in },
    accept: @escaping @Sendable (Connection) -> any ConnectionDelegate
  ) throws(TransportError) {
    precondition(!reactors.isEmpty && context.isServer)
    guard let resolved = try address.resolve(flags: AI_PASSIVE).first else {
      throw .invalid("address \(address): stands for no address")
    }
    (sockets, port) = try Self.listen(at: resolved, named: address, sockets: reactors.count)
    self.context = context
    self.reactors = reactors
    self.limits = limits
    perReactor = OpenCounts(reactors.count)
    sources = SourceLimiter(burst: limits.burstPerSource, perSecond: limits.connectionsPerSecondPerSource)
    self.refused = refused
    self.accept = accept
    handshakes = try Handshake.reactor()
    spare = Self.spareDescriptor()
    handshakes.execute { [self] in begin() }
  }

  /// What it has done and is doing. May be read from any thread.
  public var figures: ListenerFigures {
    ListenerFigures(
      accepted: accepted.load(ordering: .relaxed), refused: turnedAway.load(ordering: .relaxed),
      handshakesDone: handshakesDone.load(ordering: .relaxed),
      handshakesFailed: handshakesFailed.load(ordering: .relaxed),
      handshakesUnderWay: handshakesUnderWay.load(ordering: .relaxed), openConnections: open.load(ordering: .relaxed))
  }

  /// Stops accepting; connections that stand go on. May be called from any thread, more than once.
  public func close() {
    handshakes.execute { [self] in
      for watch in watches { handshakes.loop.remove(watch) }
      watches = []
      // A listening socket is closed with its last holder; until then nobody may connect to it.
      for socket in sockets { shutdown(socket.raw, Int32(SHUT_RDWR)) }
    }
  }

  private static func listen(
    at address: ResolvedAddress, named name: SocketAddress, sockets count: Int
  ) throws(TransportError) -> ([Descriptor], port: UInt16) {
    // Sockets that share a port would also share it with another process: one that was asked for must be nobody's.
    if name.port != 0 { _ = try bind(address, named: name, shared: false) }
    var address = address
    var sockets: [Descriptor] = []
    var port = name.port
    for _ in 0..<count {
      let socket = try bind(address, named: name, shared: true)
      guard Glibc.listen(socket.raw, backlog) == 0 else { throw .system("listen at \(name)") }
      if sockets.isEmpty { port = try Self.port(of: socket) }
      address = address.at(port: port)
      sockets.append(socket)
    }
    return (sockets, port)
  }

  private static func bind(
    _ address: ResolvedAddress, named name: SocketAddress, shared: Bool
  ) throws(TransportError) -> Descriptor {
    let socket = try Descriptor(nj_stream_socket(address.family), operation: "socket")
    socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
    if shared { socket.set(SOL_SOCKET, SO_REUSEPORT, 1) }
    let raw = socket.raw
    guard address.withPointer({ Glibc.bind(raw, $0, $1) }) == 0 else { throw .system("listen at \(name)") }
    return socket
  }

  private static func port(of socket: Descriptor) throws(TransportError) -> UInt16 {
    var bound = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let named = withUnsafeMutableBytes(of: &bound) {
      $0.withMemoryRebound(to: sockaddr.self) { getsockname(socket.raw, $0.baseAddress, &length) }
    }
    guard named == 0 else { throw .system("getsockname") }
    return withUnsafeBytes(of: bound) {
      $0.withMemoryRebound(to: sockaddr.self) {
        ResolvedAddress($0.baseAddress.unsafelyUnwrapped, length: length).socketAddress.port
      }
    }
  }

  private func begin() {
    for (index, socket) in sockets.enumerated() {
      let watch = Watch(socket) { [self] _ in acceptSome(at: index) }
      watches.append(watch)
      do throws(TransportError) {
        try handshakes.loop.add(watch, for: EPOLLIN)
      } catch {
        refused(error, SocketAddress(host: "listener", port: port))
      }
    }
  }

  private func acceptSome(at index: Int) {
    for _ in 0..<Self.acceptsATurn {
      guard underWay < limits.handshakes else { return pause() }
      var address = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let raw = nj_accept(sockets[index].raw, &address, &length)
      if raw < 0 {
        switch errno {
        case EINTR, ECONNABORTED: continue
        case EAGAIN: return
        case EMFILE, ENFILE: return dropOne(at: index)
        default: return rest()
        }
      }
      guard let descriptor = try? Descriptor(raw, operation: "accept4") else { return }
      let remote = withUnsafeBytes(of: address) {
        $0.withMemoryRebound(to: sockaddr.self) {
          ResolvedAddress($0.baseAddress.unsafelyUnwrapped, length: length)
        }
      }
      begin(descriptor, from: remote, at: index)
    }
  }

  private func begin(_ descriptor: Descriptor, from address: ResolvedAddress, at index: Int) {
    accepted.add(1, ordering: .relaxed)
    let remote = address.socketAddress
    guard open.load(ordering: .relaxed) < limits.connections else {
      return turnAway(remote, "\(limits.connections) connections are open already")
    }
    guard sources.admit(address.source, at: .now) else {
      return turnAway(remote, "more than \(limits.connectionsPerSecondPerSource) connections a second from one address")
    }
    descriptor.prepareForCalls()
    do throws(TransportError) {
      let session = try TLSSession(context, descriptor, serverName: nil)
      let isCrowded = underWay >= limits.handshakes / 2
      let began = ContinuousClock.now
      let timeout = isCrowded ? min(limits.handshakeTimeout, Self.crowdedTimeout) : limits.handshakeTimeout
      underWay += 1
      open.add(1, ordering: .relaxed)
      _ = Handshake(session, within: timeout, on: handshakes) { [self] result in
        underWay -= 1
        resume()
        switch result {
        case .success(let (session, peer)):
          handshakesDone.add(1, ordering: .relaxed)
          establish(session, peer, from: remote, at: index)
        case .failure(let error):
          handshakesFailed.add(1, ordering: .relaxed)
          open.subtract(1, ordering: .relaxed)
          if isCrowded { sources.charge(address.source, for: began.duration(to: .now), at: .now) }
          refused(error, remote)
        }
      }
    } catch {
      refused(error, remote)
    }
  }

  private func turnAway(_ remote: SocketAddress, _ limit: String) {
    turnedAway.add(1, ordering: .relaxed)
    refused(.limit(limit), remote)
  }

  private func establish(_ session: TLSSession, _ peer: PeerIdentity, from remote: SocketAddress, at index: Int) {
    guard perIdentity[peer, default: 0] < limits.connectionsPerIdentity else {
      open.subtract(1, ordering: .relaxed)
      session.sayGoodbye()
      return turnAway(remote, "\(peer) has \(limits.connectionsPerIdentity) connections already")
    }
    perIdentity[peer, default: 0] += 1
    let place = perReactor.place(for: index)
    let reactor = reactors[place]
    reactor.execute { [self] in
      let connection = Connection(session, peer: peer, on: reactor) { [self] in forget(peer, at: place) }
      connection.start(accept(connection))
    }
  }

  /// A connection is over.
  private func forget(_ peer: PeerIdentity, at place: Int) {
    open.subtract(1, ordering: .relaxed)
    perReactor.leave(place)
    handshakes.execute { [self] in
      let left = perIdentity[peer, default: 1] - 1
      perIdentity[peer] = left > 0 ? left : nil
    }
  }

  /// At the cap of handshakes the kernel keeps the queue.
  private func pause() {
    for watch in watches { handshakes.loop.change(watch, to: EPOLL_EVENTS(0)) }
  }

  private func resume() {
    for watch in watches { handshakes.loop.change(watch, to: EPOLLIN) }
  }

  /// Accepting fails for a while: the queue would wake us for ever.
  private func rest() {
    pause()
    handshakes.schedule(after: Self.restTime) { [weak self] in self?.resume() }
  }

  /// Out of descriptors: a connection that is turned away learns of it, one that stays in the queue does not.
  private func dropOne(at index: Int) {
    spare = nil
    // Another thread may have been quicker to take what was given up.
    if (try? Descriptor(nj_accept(sockets[index].raw, nil, nil), operation: "accept4")) == nil { rest() }
    spare = Self.spareDescriptor()
    accepted.add(1, ordering: .relaxed)
    turnedAway.add(1, ordering: .relaxed)
    refused(.limit("out of file descriptors: raise LimitNOFILE"), SocketAddress(host: "listener", port: port))
  }

  private static func spareDescriptor() -> Descriptor? {
    try? Descriptor(Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC), operation: "open")
  }
}

/// Connections open on each reactor.
private final class OpenCounts: Sendable {
  private let counts: [Count]

  private final class Count: Sendable {
    let value = Atomic<Int>(0)
  }

  init(_ reactors: Int) { counts = (0..<reactors).map { _ in Count() } }

  /// Where to put one that came for `index`: there, unless another has fewer.
  func place(for index: Int) -> Int {
    let least = counts.indices.min { load($0) < load($1) } ?? index
    let place = load(index) > load(least) ? least : index
    counts[place].value.add(1, ordering: .relaxed)
    return place
  }

  func leave(_ place: Int) { counts[place].value.subtract(1, ordering: .relaxed) }

  private func load(_ index: Int) -> Int { counts[index].value.load(ordering: .relaxed) }
}
