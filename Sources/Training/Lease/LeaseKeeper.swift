import Logging
import Messages
import NightjarClient
import RPC
import Synchronization

/// Keeps a lease alive in the background, and says when it is lost.
final class LeaseKeeper: Sendable {
  /// Part of its time to live after which a lease is renewed.
  private static let renewalsPerTTL = 3
  private static let retryPause = Duration.milliseconds(250)
  /// Part of the time that a lease has left which one attempt to renew it may take.
  private static let attemptsInTime = 3

  private struct State {
    var grant: View<Proto.SignedGrant>
    var ttl: Duration
    /// The lease is held at least until then, by this machine's monotonic clock.
    var end: ContinuousClock.Instant
  }

  private let control: ServiceClient
  private let lease: Lease
  private let logger: Logger
  private let state: Mutex<State>

  /// - Parameter received: when the lease arrived. It began a moment before; when it was asked for says nothing, since
  ///   control waits for work. Should it run out a moment sooner than this reckons, the fence keeps late work out.
  init(_ lease: Lease, received: ContinuousClock.Instant, control: ServiceClient, logger: Logger) {
    self.lease = lease
    self.control = control
    self.logger = logger
    state = Mutex(State(grant: lease.grant, ttl: lease.ttl, end: received + lease.ttl))
  }

  /// The latest grant: the older ones end with their leases.
  var grant: View<Proto.SignedGrant> { state.withLock { $0.grant } }

  /// Runs `work` while the lease holds; cancels it and throws `leaseLost` as soon as it does not.
  func hold<T: Sendable>(_ work: @escaping @Sendable () async throws -> T) async throws -> T {
    try await withThrowingTaskGroup(of: T?.self) { group in
      group.addTask { try await work() }
      group.addTask {
        try await self.renew()
        return nil
      }
      defer { group.cancelAll() }
      while let finished = try await group.next() {
        if let finished { return finished }
      }
      throw CancellationError()
    }
  }

  /// Renews at a third of the time to live, until cancelled.
  private func renew() async throws {
    while true {
      let (ttl, end) = state.withLock { ($0.ttl, $0.end) }
      try await Task.sleep(until: end - ttl + ttl / Self.renewalsPerTTL, clock: .continuous)
      try await renewOnce()
    }
  }

  private func renewOnce() async throws {
    while true {
      let asked = ContinuousClock.now
      let left = asked.duration(to: state.withLock { $0.end })
      guard left > .zero else { throw TrainingError.leaseLost("it ran out while control could not be reached") }
      do {
        // A connection that hangs must not take the time for another attempt.
        let answer = try await control.call(ControlService.renewLease, timeout: left / Self.attemptsInTime) { request in
          request.tenant = lease.tenant.rawValue
          request.message(\.fence) { lease.fence.fill($0) }
        }
        state.withLock {
          if let grant = answer.grant { $0.grant = grant }
          if answer.ttl_ms > 0 { $0.ttl = .milliseconds(Int64(answer.ttl_ms)) }
          $0.end = asked + $0.ttl
        }
        return
      } catch let error as RPCError where error.isWorthRetrying {
        logger.warning("the lease could not be renewed", metadata: ["error": "\(error)"])
        try await Task.sleep(for: Self.retryPause)
      } catch let error as RPCError where error.code != .cancelled {
        throw TrainingError.leaseLost("\(error)")
      }
    }
  }
}

extension RPCError {
  /// The call may succeed if it is made again: the peer was away, overloaded or too slow.
  var isWorthRetrying: Bool {
    switch code {
    case .unavailable, .deadlineExceeded, .resourceExhausted: true
    default: false
    }
  }
}
