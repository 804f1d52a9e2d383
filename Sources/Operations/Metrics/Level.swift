import CoreMetrics
import Synchronization

/// A number that goes up and down.
final class Level: Series, MeterHandler, RecorderHandler {
  private let level = Atomic<Double>(0)

  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { level.store(value, ordering: .relaxed) }
  func record(_ value: Int64) { set(Double(value)) }
  func record(_ value: Double) { set(value) }
  func increment(by amount: Double) { level.add(amount) }
  func decrement(by amount: Double) { level.add(-amount) }

  func write(_ name: String, _ labels: String, to text: inout Exposition) {
    text.add(name, labels, value: Exposition.number(level.load(ordering: .relaxed)))
  }
}
