/// Asks another server when one is slow to answer, and takes the first answer. Cuts the tail of latencies at the price of
/// some more load.
public struct Hedging: Sendable {
  /// How long each attempt is waited for before the next one is made beside it; about the 95th percentile of latencies
  /// costs 5% more calls.
  public let delay: Duration
  /// Attempts in all, from 2 to 5.
  public let maximumAttempts: Int

  /// Makes at most `maximumAttempts`, `delay` apart.
  public init(after delay: Duration, maximumAttempts: Int = 2) {
    precondition(delay >= .zero, "a hedging delay of \(delay)")
    precondition((2...Int(Retries.maximumAttempts)).contains(maximumAttempts), "\(maximumAttempts) hedged attempts")
    self.delay = delay
    self.maximumAttempts = maximumAttempts
  }
}

/// The attempts of one hedged call. A value without clock.
///
/// Source: gRFC A6, "Hedging Policy", with its throttle and pushback.
struct Hedges: Sendable {
  enum Next: Equatable {
    /// The call is over with this attempt's error.
    case fail
    /// Another attempt is due after this time, unless an answer comes before.
    case again(after: Duration)
    /// The attempts under way are all that there will be.
    case wait
  }

  private let hedging: Hedging
  private var underWay = 0
  /// Attempts made so far: the next one's number on the wire.
  private(set) var attempt: UInt32 = 0

  init(_ hedging: Hedging) { self.hedging = hedging }

  /// An attempt has begun. When the next one is due, if none of those under way is answered before.
  mutating func began() -> Duration? {
    attempt += 1
    underWay += 1
    return attempt < hedging.maximumAttempts ? hedging.delay : nil
  }

  /// Whether the attempt that has become due may be made.
  func mayBegin(_ throttle: RetryThrottle) -> Bool { attempt < hedging.maximumAttempts && throttle.permits }

  /// An attempt has failed, on the server of the throttle; `isWelcomeElsewhere`: there is a usable server besides those tried
  /// whose own throttle permits. `left`: time until the deadline, past which no attempt is waited for.
  mutating func failed(
    _ error: RPCError, throttle: inout RetryThrottle, isWelcomeElsewhere: Bool, left: Duration
  ) -> Next {
    underWay -= 1
    guard error.mayBeRepeated(.idempotent) else { return .fail }
    if error.reach != .notSent { throttle.failed() }
    let delay = error.retryAfter ?? .zero
    if attempt < hedging.maximumAttempts, throttle.permits || isWelcomeElsewhere, delay < left {
      return .again(after: delay)
    }
    return underWay == 0 ? .fail : .wait
  }
}
