import Foundation

/// How much more of their purchases some rows of a table make in a column than all rows do.
struct GroupAffinity: Sendable {
  private var counts: [UInt64: Float] = [:]
  private var totals: [Int32: Float] = [:]
  private var columns: [Int32: Float] = [:]
  private var total: Float = 0

  /// Purchases at the common shares that each row is drawn to them by.
  private static let prior: Float = 20

  mutating func add(row: Int32, column: Int32) {
    counts[Self.key(row, column), default: 0] += 1
    totals[row, default: 0] += 1
    columns[column, default: 0] += 1
    total += 1
  }

  /// Logarithm of the column's share in the row over its share in all; NaN for a row or column of -1, 0 where nothing is known.
  func logLift(row: Int32, column: Int32) -> Float {
    guard row >= 0, column >= 0 else { return .nan }
    guard let inAll = columns[column] else { return 0 }
    let share = inAll / total
    let own = (counts[Self.key(row, column)] ?? 0) + Self.prior * share
    return log(own / ((totals[row] ?? 0) + Self.prior) / share)
  }

  private static func key(_ row: Int32, _ column: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: row)) << 32 | UInt64(UInt32(bitPattern: column))
  }
}
