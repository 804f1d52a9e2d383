/// Takes a tenant's acts one by one, in any order, straight into columns: 17 bytes a row, and 8 for each of quantity,
/// revenue and rating that any row has.
public struct InteractionsBuilder: Sendable {
  struct Columns: Sendable {
    var customer: [Int32] = []
    var product: [Int32] = []
    var kind: [InteractionKind] = []
    var time: [Int64] = []
    var quantity = OptionalColumn<Int64>(absent: 0)
    var revenue = OptionalColumn<Int64>(absent: 0)
    var rating = OptionalColumn<Double>(absent: .nan)
  }

  private var columns = Columns()

  /// Rows of a tenant at most: their numbers are 32 bits wide.
  public static let maximumRows = Int(UInt32.max)

  /// Nothing yet.
  public init() {}

  /// Number of rows.
  public var count: Int { columns.time.count }

  /// Makes room for so many rows in all.
  public mutating func reserveCapacity(_ rows: Int) {
    columns.customer.reserveCapacity(rows)
    columns.product.reserveCapacity(rows)
    columns.kind.reserveCapacity(rows)
    columns.time.reserveCapacity(rows)
  }

  /// Adds an act. Its indexes may be any that `build` is told the meaning of.
  public mutating func append(_ row: Interactions.Row) {
    let number = count
    precondition(number < Self.maximumRows, "a tenant has at most \(Self.maximumRows) rows")
    columns.quantity.append(row.quantity, after: number, isAbsent: row.quantity == 0)
    columns.revenue.append(row.revenue, after: number, isAbsent: row.revenue == 0)
    columns.rating.append(row.rating, after: number, isAbsent: row.rating.bitPattern == Double.nan.bitPattern)
    columns.customer.append(row.customer)
    columns.product.append(row.product)
    columns.kind.append(row.kind)
    columns.time.append(row.time)
  }

  /// Replaces every customer index c by `customers[c]`, every product index p by `products[p]`.
  public mutating func renumber(customers: [Int32], products: [Int32]) {
    Self.renumber(&columns.customer, customers)
    Self.renumber(&columns.product, products)
  }

  private static func renumber(_ column: inout [Int32], _ numbers: [Int32]) {
    column.withUnsafeMutableBufferPointer { column in
      for row in column.indices { column[row] = numbers[Int(column[row])] }
    }
  }

  /// The acts in order of time, those at the same time in order of their content.
  ///
  /// Every index must lie below its count; that is the caller's to see to. Complexity: O(n) for the times and
  /// O(m log m) for m rows at one time. Memory beside the columns: 24 bytes a row, then one column and 4 bytes a row.
  public consuming func build(customers: Int, products: Int) -> Interactions {
    precondition(
      columns.customer.allSatisfy { $0 >= 0 && $0 < customers }, "a customer index lies outside the customers")
    precondition(columns.product.allSatisfy { $0 >= 0 && $0 < products }, "a product index lies outside the products")
    if let order = order() {
      Self.reorder(&columns.customer, order)
      Self.reorder(&columns.product, order)
      Self.reorder(&columns.kind, order)
      Self.reorder(&columns.time, order)
      columns.quantity.reorder(order)
      columns.revenue.reorder(order)
      columns.rating.reorder(order)
    }
    return Interactions(customers: customers, products: products, columns: columns)
  }

  private static func reorder<Element>(_ column: inout [Element], _ order: [UInt32]) {
    // The old column goes before the next one is made.
    column = column.reordered(order)
  }

  /// The rows' numbers in their final order; nil where they stand in it.
  private func order() -> [UInt32]? {
    var order = columns.time.sortedByRadix()
    var isChanged = order != nil
    var start = 0
    while start < count {
      let time = columns.time[Int(order?[start] ?? UInt32(start))]
      var end = start + 1
      while end < count, columns.time[Int(order?[end] ?? UInt32(end))] == time { end += 1 }
      if end - start > 1 {
        if order == nil { order = (0..<UInt32(count)).map { $0 } }
        order?[start..<end].sort { precedes(Int($0), Int($1)) }
        isChanged = true
      }
      start = end
    }
    return isChanged ? order : nil
  }

  /// Order of content, of rows at the same time.
  private func precedes(_ a: Int, _ b: Int) -> Bool {
    if columns.customer[a] != columns.customer[b] { return columns.customer[a] < columns.customer[b] }
    if columns.product[a] != columns.product[b] { return columns.product[a] < columns.product[b] }
    if columns.kind[a] != columns.kind[b] { return columns.kind[a].rawValue < columns.kind[b].rawValue }
    if columns.quantity[a] != columns.quantity[b] { return columns.quantity[a] < columns.quantity[b] }
    if columns.revenue[a] != columns.revenue[b] { return columns.revenue[a] < columns.revenue[b] }
    return columns.rating[a].bitPattern < columns.rating[b].bitPattern
  }
}

extension [Int64] {
  /// Bits of the keys that one pass sorts by: its counters stay in the innermost cache.
  private static var digitBits: Int { 11 }

  /// The indexes of the elements in ascending order, equal ones as they stand; nil where they ascend already.
  ///
  /// A radix sort by as many digits as the spread of the values has. Complexity: O(n), 24 bytes for each element meanwhile.
  func sortedByRadix() -> [UInt32]? {
    guard let least = self.min(), let most = self.max(), !zip(self, dropFirst()).allSatisfy({ $0 <= $1 }) else {
      return nil
    }
    let spread = UInt64(bitPattern: most &- least)
    var keys = map { UInt64(bitPattern: $0 &- least) }
    var order = (0..<UInt32(count)).map { $0 }
    var (otherKeys, otherOrder) = (keys, order)
    var shift = 0
    while shift < UInt64.bitWidth, spread >> UInt64(shift) > 0 {
      Self.pass(shift, keys, order, &otherKeys, &otherOrder)
      swap(&keys, &otherKeys)
      swap(&order, &otherOrder)
      shift += Self.digitBits
    }
    return order
  }

  /// One stable pass by one digit.
  private static func pass(
    _ shift: Int, _ keys: [UInt64], _ order: [UInt32], _ newKeys: inout [UInt64], _ newOrder: inout [UInt32]
  ) {
    let mask = UInt64(1 << digitBits - 1)
    var starts = [Int](repeating: 0, count: 1 << digitBits + 1)
    for key in keys { starts[Int(key >> UInt64(shift) & mask) + 1] += 1 }
    for digit in 1..<starts.count { starts[digit] += starts[digit - 1] }
    newKeys.withUnsafeMutableBufferPointer { newKeys in
      newOrder.withUnsafeMutableBufferPointer { newOrder in
        for (key, row) in zip(keys, order) {
          let digit = Int(key >> UInt64(shift) & mask)
          let place = starts[digit]
          starts[digit] = place + 1
          newKeys[place] = key
          newOrder[place] = row
        }
      }
    }
  }
}
