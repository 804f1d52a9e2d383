/// How long to leave a peer alone after failures: exponential, with jitter, so that the clients of a restarted server do
/// not come back all at once.
struct Backoff: Sendable {
  static let factor = 2.0
  /// Part of the delay that chance adds or takes.
  static let jitter = 0.2

  /// Between attempts to connect.
  static let connecting = Backoff(first: .milliseconds(100), maximum: .seconds(5))
  /// Between attempts at a call.
  static let retrying = Backoff(first: .milliseconds(50), maximum: .seconds(2))

  let first: Duration
  let maximum: Duration
  private var next: Duration

  init(first: Duration, maximum: Duration) {
    self.first = first
    self.maximum = maximum
    next = first
  }

  /// Delay after one more failure.
  mutating func failed(using random: inout some RandomNumberGenerator) -> Duration {
    let delay = next
    next = min(maximum, next * Self.factor)
    return delay * (1 + Double.random(in: -Self.jitter...Self.jitter, using: &random))
  }

  /// The peer has answered: the next failure is the first.
  mutating func succeeded() { next = first }
}
