import CoreMetrics
import Synchronization

/// A counter of whole things; adding takes one atomic instruction.
final class Count: Series, CounterHandler {
  private let count = Atomic<Int64>(0)

  func increment(by amount: Int64) { count.wrappingAdd(amount, ordering: .relaxed) }

  func reset() { count.store(0, ordering: .relaxed) }

  func write(_ name: String, _ labels: String, to text: inout Exposition) {
    text.add(name, labels, value: String(count.load(ordering: .relaxed)))
  }
}

/// A counter of something that has fractions, such as seconds.
final class Amount: Series, FloatingPointCounterHandler {
  private let amount = Atomic<Double>(0)

  func increment(by more: Double) {
    guard more.isFinite, more > 0 else { return }
    amount.add(more)
  }

  func reset() { amount.store(0, ordering: .relaxed) }

  func write(_ name: String, _ labels: String, to text: inout Exposition) {
    text.add(name, labels, value: Exposition.number(amount.load(ordering: .relaxed)))
  }
}
