/// A column that most tenants leave empty: it takes no memory until a row differs from what is the case for rows without.
public struct OptionalColumn<Element: Sendable & Equatable>: Sendable {
  /// What a row has that has nothing.
  private let absent: Element
  /// A value for each row; nil while every row has `absent`.
  private(set) var values: [Element]?

  init(absent: Element) { self.absent = absent }

  /// The row's value.
  public subscript(row: Int) -> Element { values?[row] ?? absent }

  /// Sets the value of the row after the `count` that there are.
  mutating func append(_ value: Element, after count: Int, isAbsent: Bool) {
    if isAbsent && values == nil { return }
    if values == nil { values = [Element](repeating: absent, count: count) }
    values?.append(value)
  }

  /// Row r becomes what row order[r] was.
  mutating func reorder(_ order: [UInt32]) {
    guard let old = values.take() else { return }
    values = old.reordered(order)
  }
}

extension Array {
  /// Element r is this array's element order[r]. Complexity: O(n), and a second array while it lasts.
  func reordered(_ order: [UInt32]) -> [Element] {
    withUnsafeBufferPointer { source in
      [Element](unsafeUninitializedCapacity: order.count) { target, count in
        for (place, row) in order.enumerated() { (target.baseAddress! + place).initialize(to: source[Int(row)]) }
        count = order.count
      }
    }
  }
}
