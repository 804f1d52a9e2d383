/// How long to leave a peer alone after failed attempts to connect: exponential, with jitter, so that the clients of a
/// restarted server do not come back all at once.
struct Backoff {
  static let first = Duration.milliseconds(100)
  static let maximum = Duration.seconds(5)
  static let factor = 2.0
  /// Part of the delay that chance adds or takes.
  static let jitter = 0.2

  private var next = Self.first

  /// Delay after one more failure.
  mutating func failed(using random: inout some RandomNumberGenerator) -> Duration {
    let delay = next
    next = min(Self.maximum, next * Self.factor)
    return delay * (1 + Double.random(in: -Self.jitter...Self.jitter, using: &random))
  }

  /// The peer has answered: the next failure is the first.
  mutating func succeeded() { next = Self.first }
}
