/// A matrix [rows × columns] that keeps only its non-zeros, row by row (CSR).
public struct SparseMatrix: Sendable, Equatable {
  /// Number of columns.
  public let columns: Int
  /// Start of each row in `indices` and `values`; one more than there are rows.
  let offsets: [Int]
  /// Column of each non-zero, ascending within a row.
  let indices: [Int32]
  let values: [Float]

  /// Number of rows.
  public var rows: Int { offsets.count - 1 }
  /// Number of non-zeros.
  public var count: Int { values.count }

  /// Whether a row has no non-zero.
  public func isEmpty(row: Int) -> Bool { offsets[row] == offsets[row + 1] }

  /// The non-zeros of a row, by column.
  public func row(_ row: Int) -> [(column: Int, value: Float)] {
    (offsets[row]..<offsets[row + 1]).map { (Int(indices[$0]), values[$0]) }
  }

  /// Rows and columns exchanged. Complexity: O(non-zeros + rows + columns).
  public func transposed() -> SparseMatrix {
    let newOffsets = indices[...].offsets(rows: columns)
    var next = newOffsets
    var newIndices = [Int32](repeating: 0, count: count)
    var newValues = [Float](repeating: 0, count: count)
    for row in 0..<rows {
      for position in offsets[row]..<offsets[row + 1] {
        let column = Int(indices[position])
        newIndices[next[column]] = Int32(row)
        newValues[next[column]] = values[position]
        next[column] += 1
      }
    }
    return SparseMatrix(columns: rows, offsets: newOffsets, indices: newIndices, values: newValues)
  }

  /// Puts a matrix together row after row.
  struct Builder {
    private let rows: Int
    private let columns: Int
    private var offsets = [0]
    private var indices: [Int32] = []
    private var values: [Float] = []

    init(rows: Int, columns: Int) {
      self.rows = rows
      self.columns = columns
    }

    /// Adds a non-zero to the row under way; columns must ascend.
    mutating func add(column: Int32, value: Float) {
      indices.append(column)
      values.append(value)
    }

    mutating func finishRow() { offsets.append(indices.count) }

    consuming func build() -> SparseMatrix {
      precondition(offsets.count == rows + 1, "every row must be finished")
      return SparseMatrix(columns: columns, offsets: offsets, indices: indices, values: values)
    }
  }
}

extension ArraySlice<Int32> {
  /// Where each row's elements start when they are sorted by row: a counting sort's offsets, one more than `rows`.
  func offsets(rows: Int) -> [Int] {
    var offsets = [Int](repeating: 0, count: rows + 1)
    for row in self { offsets[Int(row) + 1] += 1 }
    for row in 0..<rows { offsets[row + 1] += offsets[row] }
    return offsets
  }
}

extension [Int] {
  /// These row numbers in order of each row's key, otherwise as they stood, and where each key's rows start.
  ///
  /// Complexity: O(rows + keys).
  func countingSorted(by key: ArraySlice<Int32>, keys: Int) -> (rows: [Int], offsets: [Int]) {
    let offsets = key.offsets(rows: keys)
    var next = offsets
    var sorted = [Int](repeating: 0, count: count)
    for row in self {
      sorted[next[Int(key[row])]] = row
      next[Int(key[row])] += 1
    }
    return (sorted, offsets)
  }
}
