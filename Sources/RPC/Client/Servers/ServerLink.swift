import Messages
import Synchronization

/// One server of a service, as a client of the service holds it.
final class ServerLink: Sendable {
  let channel: Channel
  /// Of retries there.
  let throttle = Mutex(RetryThrottle())
  private let rendezvous: Rendezvous
  private let inFlight = Atomic(0)
  /// What the server said last of its health.
  private let saysServing = Atomic(true)
  /// Set while the server answers that it is unavailable: its process is up, but not fit to answer.
  private let refusal = Mutex(Refusal())

  private struct Refusal {
    var until: ContinuousClock.Instant?
    var backoff = Backoff.connecting
  }

  init(_ channel: Channel, address: String) {
    self.channel = channel
    rendezvous = Rendezvous(address: address)
  }

  /// What a call with `key` is to think of the server.
  func candidate(for key: String?, wasTried: Bool, now: ContinuousClock.Instant) -> ServerCandidate {
    ServerCandidate(
      standing: channel.standing, isServing: isServing(now),
      wasTried: wasTried, inFlight: inFlight.load(ordering: .relaxed),
      weight: key.map { rendezvous.weight(of: $0) } ?? 0)
  }

  /// Makes a unary call there once.
  func call<Q, R>(
    _ method: Method<Q, R>, by deadline: ContinuousClock.Instant, _ metadata: CallMetadata, _ request: Encoded<Q>
  ) async throws(RPCError) -> View<R> {
    count(1)
    defer { count(-1) }
    do throws(RPCError) {
      let answer = try await channel.call(method, by: deadline, metadata, request)
      answered()
      return answer
    } catch {
      failed(error)
      throw error
    }
  }

  /// The server has answered a call: it is fit.
  fileprivate func answered() { refusal.withLock { if $0.until != nil { $0 = Refusal() } } }

  /// A call has failed there. Where the server answered that it is unavailable, it is passed over for a while, if there is
  /// another: calls that find out one by one that it is unfit would use up what there is for retries.
  fileprivate func failed(_ error: RPCError) {
    guard error.code == .unavailable, error.reach == .unknown else { return }
    var random = SystemRandomNumberGenerator()
    let now = ContinuousClock.now
    refusal.withLock { refusal in
      // The calls that were under way when it began are one refusal, not many.
      if let until = refusal.until, until > now { return }
      refusal.until = now + refusal.backoff.failed(using: &random)
    }
  }

  func says(isServing: Bool) { saysServing.store(isServing, ordering: .relaxed) }

  private func isServing(_ now: ContinuousClock.Instant) -> Bool {
    saysServing.load(ordering: .relaxed) && refusal.withLock { $0.until.map { $0 <= now } ?? true }
  }

  fileprivate func count(_ calls: Int) { inFlight.add(calls, ordering: .relaxed) }
}

/// Counts one streaming call among those under way on a server, until it is let go, and tells what the server makes of it.
final class ServerLoad: Sendable {
  private let server: ServerLink

  init(on server: ServerLink) {
    self.server = server
    server.count(1)
  }

  deinit { server.count(-1) }

  func answered() { server.answered() }

  func failed(_ error: RPCError) { server.failed(error) }
}
