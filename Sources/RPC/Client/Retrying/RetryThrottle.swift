/// Stops retries when too many calls of one server fail, so that they cannot bury a server that has trouble already. Each
/// server has its own: when one dies with many calls under way, all of them may be made again elsewhere.
///
/// A bucket of tokens: a failure that a retry might help takes one, a success gives a fraction back, and below half there
/// are no retries. Source: gRFC A6, "Throttling retry attempts and hedged RPCs".
struct RetryThrottle: Sendable {
  static let maximumTokens = 10.0
  static let tokensASuccess = 0.1

  private(set) var tokens = Self.maximumTokens

  /// Whether another attempt may be made.
  var permits: Bool { tokens > Self.maximumTokens / 2 }

  mutating func failed() { tokens = max(0, tokens - 1) }

  mutating func succeeded() { tokens = min(Self.maximumTokens, tokens + Self.tokensASuccess) }
}
