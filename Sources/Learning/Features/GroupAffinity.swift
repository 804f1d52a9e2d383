import Foundation

/// How much more of their purchases some rows of a table make in a column than all rows do.
struct GroupAffinity: Sendable {
  private let columns: Int
  /// [rows × columns].
  private var counts: [Float]
  /// By row.
  private var totals: [Float]
  /// Of all rows, those that are no row's own included, by column.
  private var all: [Float]
  private var total: Float = 0

  /// Purchases at the common shares that each row is drawn to them by.
  private static let prior: Float = 20

  /// A table without purchases.
  init(rows: Int, columns: Int) {
    self.columns = columns
    counts = [Float](repeating: 0, count: rows * columns)
    totals = [Float](repeating: 0, count: rows)
    all = [Float](repeating: 0, count: columns)
  }

  mutating func add(row: Int32, column: Int32) {
    addToAll(column: column)
    counts[Int(row) * columns + Int(column)] += 1
    totals[Int(row)] += 1
  }

  /// Counts a purchase towards the common shares alone.
  mutating func addToAll(column: Int32) {
    all[Int(column)] += 1
    total += 1
  }

  /// Logarithm of the column's share in the row over its share in all; NaN for a row or column of -1, 0 where nothing is known.
  func logLift(row: Int32, column: Int32) -> Float {
    guard row >= 0, column >= 0 else { return .nan }
    return logLift(of: counts[Int(row) * columns + Int(column)], among: totals[Int(row)], column: column)
  }

  /// The same for a row that is kept elsewhere: its purchases in the column, and in all columns.
  func logLift(of count: Float, among rowTotal: Float, column: Int32) -> Float {
    guard column >= 0 else { return .nan }
    let inAll = all[Int(column)]
    guard inAll > 0 else { return 0 }
    let share = inAll / total
    return log((count + Self.prior * share) / (rowTotal + Self.prior) / share)
  }
}
