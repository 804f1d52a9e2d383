/// A set of columns for every row, kept as one sorted array each: [rows × columns] of yes and no.
public struct PairSets: Sendable {
  /// Start of each row in `columns`; one more than there are rows.
  private let offsets: [Int]
  private let columns: [Int32]

  /// Gathers pairs; repeats count once. The pairs are gone through twice.
  ///
  /// Complexity: O(n · log of the longest row). Memory beside the result: one index for each pair.
  init(rows: Int, columns columnCount: Int, pairs: some Sequence<(Int32, Int32)>) {
    var starts = [Int](repeating: 0, count: rows + 1)
    for (row, _) in pairs { starts[Int(row) + 1] += 1 }
    for row in 0..<rows { starts[row + 1] += starts[row] }
    var next = starts
    var offsets = [0]
    offsets.reserveCapacity(rows + 1)
    columns = [Int32](unsafeUninitializedCapacity: starts[rows]) { columns, kept in
      for (row, column) in pairs {
        precondition(column >= 0 && Int(column) < columnCount, "a column lies outside the columns")
        columns[next[Int(row)]] = column
        next[Int(row)] += 1
      }
      for row in 0..<rows {
        var own = UnsafeMutableBufferPointer(rebasing: columns[starts[row]..<starts[row + 1]])
        own.sort()
        var previous: Int32?
        for column in own where column != previous {
          columns[kept] = column
          kept += 1
          previous = column
        }
        offsets.append(kept)
      }
    }
    self.offsets = offsets
  }

  /// Takes up rows whose columns ascend.
  init(offsets: [Int], columns: [Int32]) { (self.offsets, self.columns) = (offsets, columns) }

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

  /// The arrays in place, while `body` runs.
  func withBuffers<Result>(
    _ body: (_ offsets: UnsafeBufferPointer<Int>, _ columns: UnsafeBufferPointer<Int32>) -> Result
  ) -> Result {
    offsets.withUnsafeBufferPointer { offsets in columns.withUnsafeBufferPointer { body(offsets, $0) } }
  }
}
