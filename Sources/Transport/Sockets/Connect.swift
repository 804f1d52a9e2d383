import CTransport
import Dispatch
import Glibc

/// Connects to a service and shakes hands, off the reactor; one of the two closures is then called on it.
///
/// `serverName`: what to ask the server for and check its certificate's DNS names against; nil = neither, the caller
/// judges by `Connection.peer`. `timeout` covers it all: looking up the name, each of its addresses, the handshake.
public func connect(
  to address: SocketAddress, serverName: String?, context: TLSContext, on reactor: Reactor, timeout: Duration,
  accept: @escaping @Sendable (Connection) -> any ConnectionDelegate,
  failed: @escaping @Sendable (TransportError) -> Void
) {
  precondition(!context.isServer)
  Dial(address, context, serverName) { result in
    reactor.execute {
      switch result {
      case .success(let (session, peer)):
        let connection = Connection(session, peer: peer, on: reactor) {}
        connection.start(accept(connection))
      case .failure(let error): failed(error)
      }
    }
  }.begin(within: timeout)
}

/// The way to a server: its name's addresses in turn, then the handshake.
private final class Dial: @unchecked Sendable {
  // Sendable, because after `begin` the variables are used on the handshake reactor's thread alone.
  private let address: SocketAddress
  private let context: TLSContext
  private let serverName: String?
  private var done: (@Sendable (Result<(TLSSession, PeerIdentity), TransportError>) -> Void)?
  private var addresses: ArraySlice<ResolvedAddress> = []
  private var last: TransportError
  private var deadline = ContinuousClock.now
  private var timer: Timer?
  private var attemptTimer: Timer?
  private var watch: Watch?

  init(
    _ address: SocketAddress, _ context: TLSContext, _ serverName: String?,
    done: @escaping @Sendable (Result<(TLSSession, PeerIdentity), TransportError>) -> Void
  ) {
    self.address = address
    self.context = context
    self.serverName = serverName
    self.done = done
    last = .invalid("address \(address): stands for no address")
  }

  func begin(within timeout: Duration) {
    deadline = .now + timeout
    do throws(TransportError) {
      let reactor = try Handshake.reactor()
      timer = reactor.schedule(after: timeout) { [self] in
        finish(.failure(.timedOut(operation: "connect to \(address)")), on: reactor)
      }
      if address.isNumeric { return resolve(on: reactor) }
      // A name server may take its time; a reactor may not.
      DispatchQueue.global().async { [self] in resolve(on: reactor) }
    } catch {
      finish(.failure(error), on: nil)
    }
  }

  private func resolve(on reactor: Reactor) {
    let addresses = Result { () throws(TransportError) in try address.resolve() }
    reactor.execute { [self] in
      switch addresses {
      case .success(let addresses):
        self.addresses = addresses[...]
        tryNext(on: reactor)
      case .failure(let error): finish(.failure(error), on: reactor)
      }
    }
  }

  private func tryNext(on reactor: Reactor) {
    guard done != nil else { return }
    guard let address = addresses.popFirst() else { return finish(.failure(last), on: reactor) }
    do throws(TransportError) {
      let descriptor = try Descriptor(nj_stream_socket(address.family), operation: "socket")
      let code = address.withPointer { Glibc.connect(descriptor.raw, $0, $1) }
      guard code == 0 || errno == EINPROGRESS else { throw .system("connect to \(address.socketAddress)") }
      let watch = Watch(descriptor) { [self] _ in connected(descriptor, address, on: reactor) }
      try reactor.loop.add(watch, for: EPOLLOUT)
      self.watch = watch
    } catch {
      last = error
      return tryNext(on: reactor)
    }
    guard !addresses.isEmpty else { return }
    // An address that swallows every packet leaves the others their share of the time.
    let share = ContinuousClock.now.duration(to: deadline) / (addresses.count + 1)
    attemptTimer = reactor.schedule(after: share) { [self] in
      last = .timedOut(operation: "connect to \(address.socketAddress)")
      stopAttempt(on: reactor)
      tryNext(on: reactor)
    }
  }

  private func connected(_ descriptor: Descriptor, _ address: ResolvedAddress, on reactor: Reactor) {
    stopAttempt(on: reactor)
    let code = descriptor.pendingError
    guard code == 0 else {
      last = .system(operation: "connect to \(address.socketAddress)", errno: code)
      return tryNext(on: reactor)
    }
    descriptor.prepareForCalls()
    do throws(TransportError) {
      let session = try TLSSession(context, descriptor, serverName: serverName)
      _ = Handshake(session, within: ContinuousClock.now.duration(to: deadline), on: reactor) { [self] in
        finish($0, on: reactor)
      }
    } catch {
      finish(.failure(error), on: reactor)
    }
  }

  private func stopAttempt(on reactor: Reactor?) {
    attemptTimer?.cancel()
    attemptTimer = nil
    if let watch { reactor?.loop.remove(watch) }
    watch = nil
  }

  private func finish(_ result: Result<(TLSSession, PeerIdentity), TransportError>, on reactor: Reactor?) {
    guard let done else { return }
    self.done = nil
    timer?.cancel()
    stopAttempt(on: reactor)
    done(result)
  }
}
