import CTransport
import Dispatch
import Glibc

/// Connects to a service and shakes hands, off the reactor; one of the two closures is then called on it.
///
/// `serverName`: what to ask the server for and check its certificate's DNS names against; nil = neither, the caller
/// judges by `Connection.peer`. Every address of the host is tried within `timeout`.
public func connect(
  to address: SocketAddress, serverName: String?, context: TLSContext, on reactor: Reactor, timeout: Duration,
  accept: @escaping @Sendable (Connection) -> any ConnectionDelegate,
  failed: @escaping @Sendable (TransportError) -> Void
) {
  precondition(!context.isServer)
  let dial = Dial(context, serverName) { result in
    reactor.execute {
      switch result {
      case .success(let (session, peer)):
        let connection = Connection(session, peer: peer, on: reactor) {}
        connection.start(accept(connection))
      case .failure(let error): failed(error)
      }
    }
  }
  if address.isNumeric {
    dial.begin(address, within: timeout)
  } else {
    // A name server may take its time; a reactor may not.
    DispatchQueue.global().async { dial.begin(address, within: timeout) }
  }
}

/// The way to a server: its addresses in turn, then the handshake.
private final class Dial: @unchecked Sendable {
  // Sendable, because after `begin` it is used on the handshake reactor's thread alone.
  private let context: TLSContext
  private let serverName: String?
  private var done: (@Sendable (Result<(TLSSession, PeerIdentity), TransportError>) -> Void)?
  private var addresses: ArraySlice<ResolvedAddress> = []
  private var last = TransportError.invalid("no address")
  private var deadline = ContinuousClock.now
  private var timer: Timer?
  private var watch: Watch?

  init(
    _ context: TLSContext, _ serverName: String?,
    done: @escaping @Sendable (Result<(TLSSession, PeerIdentity), TransportError>) -> Void
  ) {
    self.context = context
    self.serverName = serverName
    self.done = done
  }

  func begin(_ address: SocketAddress, within timeout: Duration) {
    deadline = .now + timeout
    do throws(TransportError) {
      addresses = try address.resolve()[...]
      let reactor = try Handshake.reactor()
      reactor.execute { [self] in
        timer = reactor.schedule(after: timeout) { [self] in
          finish(.failure(.timedOut(operation: "connect to \(address)")), on: reactor)
        }
        tryNext(on: reactor)
      }
    } catch {
      finish(.failure(error), on: nil)
    }
  }

  private func tryNext(on reactor: Reactor) {
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
      tryNext(on: reactor)
    }
  }

  private func connected(_ descriptor: Descriptor, _ address: ResolvedAddress, on reactor: Reactor) {
    if let watch { reactor.loop.remove(watch) }
    watch = nil
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

  private func finish(_ result: Result<(TLSSession, PeerIdentity), TransportError>, on reactor: Reactor?) {
    guard let done else { return }
    self.done = nil
    timer?.cancel()
    if let watch { reactor?.loop.remove(watch) }
    watch = nil
    done(result)
  }
}
