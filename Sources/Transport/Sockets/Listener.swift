import CTransport
import Glibc
import Synchronization

/// How much a listener lets in.
public struct ListenerLimits: Sendable {
  /// Connections open at once.
  public var connections: Int
  /// Handshakes under way at once; more wait in the kernel's queue.
  public var handshakes: Int
  /// How long a handshake may take; at most 2 s where half of `handshakes` are under way.
  public var handshakeTimeout: Duration

  /// 10,000 connections, 256 handshakes of at most 10 s.
  public static let standard = ListenerLimits(connections: 10_000, handshakes: 256, handshakeTimeout: .seconds(10))

  /// States all three.
  public init(connections: Int, handshakes: Int, handshakeTimeout: Duration) {
    self.connections = connections
    self.handshakes = handshakes
    self.handshakeTimeout = handshakeTimeout
  }
}

/// What a listener has done since it began, and what it is doing now.
public struct ListenerFigures: Sendable, Equatable {
  /// Connections taken off the kernel's queue.
  public var accepted: Int
  /// Of these, turned away at a limit before any handshake.
  public var refused: Int
  /// Handshakes that ended with a peer whom we believe.
  public var handshakesDone: Int
  /// Handshakes that ended otherwise.
  public var handshakesFailed: Int
  /// Handshakes that have not ended.
  public var handshakesUnderWay: Int
  /// Connections open, those that shake hands included.
  public var openConnections: Int
}

/// Accepts connections at an address and hands them, once they have proved who they are, to reactors in turn.
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
  private let socket: Descriptor
  private let open = Atomic<Int>(0)
  private let accepted = Atomic<Int>(0)
  private let turnedAway = Atomic<Int>(0)
  private let handshakesDone = Atomic<Int>(0)
  private let handshakesFailed = Atomic<Int>(0)
  private let handshakesUnderWay = Atomic<Int>(0)
  private var underWay = 0 {
    didSet { handshakesUnderWay.store(underWay, ordering: .relaxed) }
  }
  private var next = 0
  private var watch: Watch?
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
    socket = try Descriptor(nj_stream_socket(resolved.family), operation: "socket")
    socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
    let raw = socket.raw
    guard resolved.withPointer({ bind(raw, $0, $1) }) == 0, listen(raw, Self.backlog) == 0 else {
      throw .system("listen at \(address)")
    }
    var bound = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let named = withUnsafeMutableBytes(of: &bound) {
      $0.withMemoryRebound(to: sockaddr.self) { getsockname(raw, $0.baseAddress, &length) }
    }
    guard named == 0 else { throw .system("getsockname") }
    port = withUnsafeBytes(of: bound) {
      $0.withMemoryRebound(to: sockaddr.self) {
        ResolvedAddress($0.baseAddress.unsafelyUnwrapped, length: length).socketAddress.port
      }
    }
    self.context = context
    self.reactors = reactors
    self.limits = limits
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
      if let watch { handshakes.loop.remove(watch) }
      watch = nil
      // The listening socket is closed with its last holder; until then nobody may connect to it.
      shutdown(socket.raw, Int32(SHUT_RDWR))
    }
  }

  private func begin() {
    let watch = Watch(socket) { [self] _ in acceptSome() }
    self.watch = watch
    do throws(TransportError) {
      try handshakes.loop.add(watch, for: EPOLLIN)
    } catch {
      refused(error, SocketAddress(host: "listener", port: port))
    }
  }

  private func acceptSome() {
    for _ in 0..<Self.acceptsATurn {
      guard underWay < limits.handshakes else { return pause() }
      var address = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let raw = nj_accept(socket.raw, &address, &length)
      if raw < 0 {
        switch errno {
        case EINTR, ECONNABORTED: continue
        case EAGAIN: return
        case EMFILE, ENFILE: return dropOne()
        default: return rest()
        }
      }
      guard let descriptor = try? Descriptor(raw, operation: "accept4") else { return }
      let remote = withUnsafeBytes(of: address) {
        $0.withMemoryRebound(to: sockaddr.self) {
          ResolvedAddress($0.baseAddress.unsafelyUnwrapped, length: length).socketAddress
        }
      }
      begin(descriptor, from: remote)
    }
  }

  private func begin(_ descriptor: Descriptor, from remote: SocketAddress) {
    accepted.add(1, ordering: .relaxed)
    guard open.load(ordering: .relaxed) < limits.connections else {
      turnedAway.add(1, ordering: .relaxed)
      return refused(.limit("\(limits.connections) connections are open already"), remote)
    }
    descriptor.prepareForCalls()
    do throws(TransportError) {
      let session = try TLSSession(context, descriptor, serverName: nil)
      let isCrowded = underWay >= limits.handshakes / 2
      let timeout = isCrowded ? min(limits.handshakeTimeout, Self.crowdedTimeout) : limits.handshakeTimeout
      underWay += 1
      open.add(1, ordering: .relaxed)
      _ = Handshake(session, within: timeout, on: handshakes) { [self] result in
        underWay -= 1
        resume()
        switch result {
        case .success(let (session, peer)):
          handshakesDone.add(1, ordering: .relaxed)
          establish(session, peer)
        case .failure(let error):
          handshakesFailed.add(1, ordering: .relaxed)
          open.subtract(1, ordering: .relaxed)
          refused(error, remote)
        }
      }
    } catch {
      refused(error, remote)
    }
  }

  private func establish(_ session: TLSSession, _ peer: PeerIdentity) {
    let reactor = reactors[next % reactors.count]
    next = (next + 1) % reactors.count
    reactor.execute { [self] in
      let connection = Connection(session, peer: peer, on: reactor) { [self] in open.subtract(1, ordering: .relaxed) }
      connection.start(accept(connection))
    }
  }

  /// At the cap of handshakes the kernel keeps the queue.
  private func pause() {
    if let watch { handshakes.loop.change(watch, to: EPOLL_EVENTS(0)) }
  }

  private func resume() {
    if let watch { handshakes.loop.change(watch, to: EPOLLIN) }
  }

  /// Accepting fails for a while: the queue would wake us for ever.
  private func rest() {
    pause()
    handshakes.schedule(after: Self.restTime) { [weak self] in self?.resume() }
  }

  /// Out of descriptors: a connection that is turned away learns of it, one that stays in the queue does not.
  private func dropOne() {
    spare = nil
    // Another thread may have been quicker to take what was given up.
    if (try? Descriptor(nj_accept(socket.raw, nil, nil), operation: "accept4")) == nil { rest() }
    spare = Self.spareDescriptor()
    accepted.add(1, ordering: .relaxed)
    turnedAway.add(1, ordering: .relaxed)
    refused(.limit("out of file descriptors: raise LimitNOFILE"), SocketAddress(host: "listener", port: port))
  }

  private static func spareDescriptor() -> Descriptor? {
    try? Descriptor(Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC), operation: "open")
  }
}
