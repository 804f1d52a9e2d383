/// A set of columns for every row, kept as one sorted array each: [rows × columns] of yes and no.
public struct PairSets: Sendable {
  /// Start of each row in `columns`; one more than there are rows.
  private let offsets: [Int]
  private let columns: [Int32]

  /// Gathers pairs; repeats count once. Complexity: O(n log n).
  init(rows: Int, columns columnCount: Int, pairs: some Sequence<(Int32, Int32)>) {
    let sorted = pairs.map { UInt64(UInt32($0.0)) << 32 | UInt64(UInt32($0.1)) }.sorted()
    var columns: [Int32] = []
    var offsets = [Int](repeating: 0, count: rows + 1)
    columns.reserveCapacity(sorted.count)
    var previous: UInt64?
    for pair in sorted where pair != previous {
      columns.append(Int32(truncatingIfNeeded: pair & 0xFFFF_FFFF))
      offsets[Int(pair >> 32) + 1] += 1
      previous = pair
    }
    for row in 0..<rows { offsets[row + 1] += offsets[row] }
    self.columns = columns
    self.offsets = offsets
  }

  /// Number of rows.
  public var rows: Int { offsets.count - 1 }
  /// Number of pairs.
  public var count: Int { columns.count }

  /// The columns of a row, ascending.
  public subscript(row: Int) -> ArraySlice<Int32> { columns[offsets[row]..<offsets[row + 1]] }

  /// Whether the pair is there. Complexity: O(log columns of the row).
  public func contains(_ column: Int32, in row: Int) -> Bool {
    var low = offsets[row]
    var high = offsets[row + 1]
    while low < high {
      let middle = (low + high) / 2
      if columns[middle] < column { low = middle + 1 } else { high = middle }
    }
    return low < offsets[row + 1] && columns[low] == column
  }
}
