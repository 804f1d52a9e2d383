/// The attempts of one logical call: whether there is to be another, and when. A value without clock or chance of its
/// own.
///
/// Source: gRFC A6, "gRPC Retry Design", with its transparent retries, backoff, pushback and throttle.
struct Retries: Sendable {
  static let maximumAttempts: UInt32 = 5

  enum Next: Equatable {
    case giveUp
    case again(after: Duration)
  }

  private let idempotency: Idempotency
  private let deadline: ContinuousClock.Instant
  private var backoff = Backoff.retrying
  private var hasRepeatedDropped = false
  /// Attempts that failed and counted: the next one's number on the wire.
  private(set) var attempt: UInt32 = 0

  init(_ idempotency: Idempotency, until deadline: ContinuousClock.Instant) {
    self.idempotency = idempotency
    self.deadline = deadline
  }

  /// What to do after an attempt has failed. `hasOtherServer`: there is one, usable, that the call has not been to;
  /// `isWelcomeElsewhere`: one whose own throttle permits. `throttle` is that of the server that failed.
  mutating func next(
    after error: RPCError, hasOtherServer: Bool, isWelcomeElsewhere: Bool, throttle: inout RetryThrottle,
    now: ContinuousClock.Instant, random: inout some RandomNumberGenerator
  ) -> Next {
    guard now < deadline else { return .giveUp }
    if isTransparent(error, hasOtherServer) { return .again(after: .zero) }
    guard error.mayBeRepeated(idempotency) else { return .giveUp }
    // What was not sent has cost no server anything: the throttle is not for it.
    if error.reach != .notSent { throttle.failed() }
    let isPermitted = throttle.permits || isWelcomeElsewhere || error.reach == .notSent
    guard attempt + 1 < Self.maximumAttempts, isPermitted else { return .giveUp }
    var delay = backoff.failed(using: &random)
    if let pushback = error.retryAfter {
      delay = pushback
      backoff.succeeded()
    }
    guard delay < now.duration(to: deadline) else { return .giveUp }
    attempt += 1
    return .again(after: delay)
  }

  /// No handler can have seen the call, and there is a reason to believe that it will fare better at once.
  private mutating func isTransparent(_ error: RPCError, _ hasOtherServer: Bool) -> Bool {
    switch error.reach {
    case .unknown: return false
    case .notSent: return hasOtherServer
    case .dropped:
      defer { hasRepeatedDropped = true }
      return !hasRepeatedDropped
    }
  }
}

extension RPCError {
  /// Whether another attempt is safe and may succeed.
  func mayBeRepeated(_ idempotency: Idempotency) -> Bool {
    guard reach == .unknown else { return true }
    guard idempotency != .none else { return false }
    switch code {
    case .unavailable: return true
    // Only where the server says when.
    case .resourceExhausted, .aborted: return retryAfter != nil
    default: return false
    }
  }
}
