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

  /// Takes up a matrix in compressed rows: `offsets` one more than there are rows, columns ascending within a row.
  public init(columns: Int, offsets: [Int], indices: [Int32], values: [Float]) {
    precondition(offsets.first == 0 && offsets.last == indices.count, "the offsets span the non-zeros")
    precondition(zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 }, "rows follow each other")
    precondition(indices.count == values.count, "each non-zero has a column and a value")
    precondition(indices.allSatisfy { $0 >= 0 && Int($0) < columns }, "a column index lies outside the columns")
    self.init(columns, offsets, indices, values)
  }

  private init(_ columns: Int, _ offsets: [Int], _ indices: [Int32], _ values: [Float]) {
    (self.columns, self.offsets, self.indices, self.values) = (columns, offsets, indices, values)
  }

  /// Which columns each row has. Complexity: O(non-zeros).
  public func pairs() -> PairSets { PairSets(offsets: offsets, columns: indices) }

  /// Rows and columns exchanged. Complexity: O(non-zeros + rows + columns).
  public func transposed() -> SparseMatrix {
    let newOffsets = indices[...].offsets(rows: columns)
    var next = newOffsets
    var newValues: [Float] = []
    let newIndices = [Int32](unsafeUninitializedCapacity: count) { newIndices, filled in
      newValues = [Float](unsafeUninitializedCapacity: count) { newValues, filled in
        withBuffers { offsets, indices, values in
          for row in 0..<rows {
            for position in offsets[row]..<offsets[row + 1] {
              let column = Int(indices[position])
              newIndices[next[column]] = Int32(row)
              newValues[next[column]] = values[position]
              next[column] += 1
            }
          }
        }
        filled = count
      }
      filled = count
    }
    return SparseMatrix(rows, newOffsets, newIndices, newValues)
  }

  /// The arrays in place, while `body` runs.
  func withBuffers<Result>(
    _ body: (
      _ offsets: UnsafeBufferPointer<Int>, _ indices: UnsafeBufferPointer<Int32>, _ values: UnsafeBufferPointer<Float>
    ) -> Result
  ) -> Result {
    offsets.withUnsafeBufferPointer { offsets in
      indices.withUnsafeBufferPointer { indices in
        values.withUnsafeBufferPointer { body(offsets, indices, $0) }
      }
    }
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
      return SparseMatrix(columns, offsets, indices, values)
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

extension Array where Element: FixedWidthInteger {
  /// These row numbers in order of each row's key, otherwise as they stood, and where each key's rows start.
  ///
  /// Complexity: O(rows + keys).
  func countingSorted(by key: ArraySlice<Int32>, keys: Int) -> (rows: [Element], offsets: [Int]) {
    let offsets = key.offsets(rows: keys)
    let start = key.startIndex
    var next = offsets
    let sorted = [Element](unsafeUninitializedCapacity: count) { sorted, filled in
      key.withUnsafeBufferPointer { key in
        for row in self {
          let own = Int(key[Int(row) - start])
          sorted[next[own]] = row
          next[own] += 1
        }
      }
      filled = count
    }
    return (sorted, offsets)
  }
}
