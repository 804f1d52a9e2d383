/// How many connections each source may begin: a token bucket for each, in memory that a flood of sources cannot fill.
///
/// A value without a clock. Sources that have all their tokens need no bucket; where there are too many others, newcomers
/// share one.
struct SourceLimiter {
  /// Who begins connections: an IPv4 address, or an IPv6 network of 64 bits, which one party usually has to itself.
  struct Source: Hashable {
    let isIPv6: Bool
    let network: UInt64
  }

  private struct Bucket {
    var tokens: Double
    var at: ContinuousClock.Instant
  }

  /// Tokens that a second in a place costs that a handshake took from others in vain: a source that goes on taking places has
  /// few of them, and no more than the burst once.
  static let tokensAHeldSecond = 8.0
  /// Seconds of tokens that a source may owe. The clients of a network that was cut come back soon.
  static let longestDebt = 5.0
  /// Buckets at one time, without the common one.
  static let maximumBuckets = 4_096

  private let burst: Double
  private let perSecond: Double
  private var buckets: [Source: Bucket] = [:]
  private var common: Bucket?

  init(burst: Int, perSecond: Int) {
    self.burst = Double(burst)
    self.perSecond = Double(perSecond)
  }

  /// Takes a token; false when the source has none left. Complexity: O(1), and O(buckets) at most once a second's tokens
  /// when they are all in use.
  mutating func admit(_ source: Source, at now: ContinuousClock.Instant) -> Bool {
    var bucket = buckets[source] ?? Bucket(tokens: burst, at: now)
    if buckets[source] == nil, buckets.count >= Self.maximumBuckets {
      forget(at: now)
      guard buckets.count < Self.maximumBuckets else {
        bucket = common ?? bucket
        defer { common = bucket }
        return take(&bucket, now)
      }
    }
    defer { buckets[source] = bucket }
    return take(&bucket, now)
  }

  /// Has a source pay for a place that it held for `time`, at the end of which there was no connection. Complexity: O(1).
  mutating func charge(_ source: Source, for time: Duration, at now: ContinuousClock.Instant) {
    // One that was forgotten had all its tokens again. What newcomers share is nobody's to pay with.
    guard var bucket = buckets[source] ?? (buckets.count < Self.maximumBuckets ? Bucket(tokens: burst, at: now) : nil)
    else { return }
    let cost = Self.tokensAHeldSecond * (time / .seconds(1))
    bucket.tokens = max(tokens(of: bucket, at: now) - cost, -Self.longestDebt * perSecond)
    bucket.at = now
    buckets[source] = bucket
  }

  private func take(_ bucket: inout Bucket, _ now: ContinuousClock.Instant) -> Bool {
    bucket.tokens = tokens(of: bucket, at: now)
    bucket.at = now
    guard bucket.tokens >= 1 else { return false }
    bucket.tokens -= 1
    return true
  }

  private func tokens(of bucket: Bucket, at now: ContinuousClock.Instant) -> Double {
    min(burst, bucket.tokens + perSecond * (bucket.at.duration(to: now) / .seconds(1)))
  }

  private mutating func forget(at now: ContinuousClock.Instant) {
    buckets = buckets.filter { tokens(of: $0.value, at: now) < burst }
  }
}
