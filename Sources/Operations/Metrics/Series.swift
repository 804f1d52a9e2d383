import Synchronization

/// The values of one name and one set of labels.
protocol Series: AnyObject, Sendable {
  /// Writes its samples.
  func write(_ name: String, _ labels: String, to text: inout Exposition)
}

/// A number that is read when somebody asks.
final class Reading: Series {
  private let read: @Sendable () -> Double

  init(read: @escaping @Sendable () -> Double) { self.read = read }

  func write(_ name: String, _ labels: String, to text: inout Exposition) {
    text.add(name, labels, value: Exposition.number(read()))
  }
}

extension Atomic<Double> {
  /// Adds, however many threads do so at once.
  func add(_ amount: Double) {
    var old = load(ordering: .relaxed)
    while case (let exchanged, let found) = weakCompareExchange(
      expected: old, desired: old + amount, ordering: .relaxed),
      !exchanged
    { old = found }
  }
}
