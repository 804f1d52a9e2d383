import CTransport

/// A TLS handshake under way, on the thread that has nothing else to do: it takes 1.5 ms of CPU, which no lookup behind
/// it should wait for.
final class Handshake: @unchecked Sendable {
  // Sendable, because after init it is used on the handshake reactor's thread alone.

  /// The process's handshake thread.
  static func reactor() throws(TransportError) -> Reactor { try shared.get() }

  private static let shared = Result<Reactor, TransportError> { () throws(TransportError) in
    let reactor = try Reactor(name: "handshakes")
    // A storm of new connections must not take the processor from those that stand.
    reactor.giveWay()
    return reactor
  }

  private let session: TLSSession
  private let loop: Loop
  private var watch: Watch?
  private var timer: Timer?
  private var done: ((Result<(TLSSession, PeerIdentity), TransportError>) -> Void)?

  /// Begins on the handshake thread, which the caller is on. `done` is called once, there.
  init(
    _ session: TLSSession, within timeout: Duration, on reactor: Reactor,
    done: @escaping (Result<(TLSSession, PeerIdentity), TransportError>) -> Void
  ) {
    self.session = session
    loop = reactor.loop
    self.done = done
    // The watch holds the handshake until it is over.
    let watch = Watch(session.descriptor) { [self] _ in advance() }
    self.watch = watch
    timer = reactor.schedule(after: timeout) { [self] in finish(.failure(.timedOut(operation: "handshake"))) }
    do throws(TransportError) {
      try loop.add(watch, for: EPOLLIN)
      advance()
    } catch {
      finish(.failure(error))
    }
  }

  private func advance() {
    guard let watch else { return }
    switch session.handshake() {
    case .wantsRead: loop.change(watch, to: EPOLLIN)
    case .wantsWrite: loop.change(watch, to: EPOLLOUT)
    case .ended(let error): finish(.failure(error))
    case .done:
      guard session.speaksOurProtocol else {
        return finish(.failure(.refused("the peer does not speak nightjar/1 (ALPN)")))
      }
      do throws(TransportError) {
        finish(.success((session, try session.peerIdentity())))
      } catch {
        finish(.failure(error))
      }
    }
  }

  private func finish(_ result: Result<(TLSSession, PeerIdentity), TransportError>) {
    guard let done else { return }
    self.done = nil
    timer?.cancel()
    timer = nil
    if let watch { loop.remove(watch) }
    watch = nil
    done(result)
  }
}
