import CoreMetrics
import Synchronization

/// Sum and number of recorded values, from which a mean over any time can be told.
final class Total: Series, RecorderHandler {
  private let count = Atomic<UInt64>(0)
  private let sum = Atomic<Double>(0)

  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    count.wrappingAdd(1, ordering: .relaxed)
    sum.add(value)
  }

  func write(_ name: String, _ labels: String, to text: inout Exposition) {
    text.add(name + "_sum", labels, value: Exposition.number(sum.load(ordering: .relaxed)))
    text.add(name + "_count", labels, value: String(count.load(ordering: .relaxed)))
  }
}

/// A histogram of durations from 10 µs to 10 s; recording takes two atomic instructions.
final class Latencies: Series, TimerHandler {
  /// Upper bounds, inclusive: 1, 2 and 5 of each decade.
  static let boundsNanoseconds: [Int64] = [
    10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000,
    50_000_000, 100_000_000, 200_000_000, 500_000_000, 1_000_000_000, 2_000_000_000, 5_000_000_000, 10_000_000_000,
  ]
  private static let labels =
    boundsNanoseconds.map { "le=\"\(Exposition.number(Double($0) / 1e9))\"" } + ["le=\"+Inf\""]

  private let bounds = boundsNanoseconds
  /// One for each bound, and one for what is over the last.
  private let buckets = InlineArray<20, Atomic<UInt64>> { _ in Atomic(0) }
  private let nanoseconds = Atomic<UInt64>(0)

  init() { precondition(buckets.count == bounds.count + 1) }

  func recordNanoseconds(_ duration: Int64) {
    // Most calls are quick, so the search from the front is the short one.
    var index = 0
    while index < bounds.count, duration > bounds[index] { index += 1 }
    buckets[index].wrappingAdd(1, ordering: .relaxed)
    nanoseconds.wrappingAdd(UInt64(max(0, duration)), ordering: .relaxed)
  }

  func write(_ name: String, _ labels: String, to text: inout Exposition) {
    var count: UInt64 = 0
    for index in buckets.indices {
      count += buckets[index].load(ordering: .relaxed)
      text.add(name + "_bucket", labels, Self.labels[index], value: String(count))
    }
    text.add(name + "_sum", labels, value: Exposition.number(Double(nanoseconds.load(ordering: .relaxed)) / 1e9))
    text.add(name + "_count", labels, value: String(count))
  }
}
