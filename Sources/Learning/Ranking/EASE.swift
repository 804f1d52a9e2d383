import COpenBLAS

/// A linear item-item model in closed form: scores are a user's row times B, whose diagonal is zero.
///
/// B = I − P · diag(1 / diag P), P = (XᵀX + λI)⁻¹. Rows of X may be decayed by age.
///
/// Source: Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019.
public struct EASE: Sendable {
  /// B [items × items], row-major.
  let weights: [Float]
  let items: Int

  /// Bytes that a fit may take: two matrices [items × items] of f32.
  public static let defaultMaximumBytes = 4 << 30

  /// Orders of matrices are multiples of this, as filled up with the identity: for others the kernels that OpenBLAS 0.3.21
  /// falls back to on processors that it does not know end the process (strsm of an odd order).
  private static let orderStep = 32

  /// Fits B. Complexity: O(Σ row² + (items with interest)³). Throws `tooLarge` where the matrices would not fit in `maximumBytes`.
  public init(
    _ interest: SparseMatrix, regularisation: Double, maximumBytes: Int = defaultMaximumBytes
  ) throws(LearningError) {
    precondition(regularisation > 0, "λ must be positive")
    items = interest.columns
    let bytes = items.multipliedReportingOverflow(by: items * 2 * MemoryLayout<Float>.size)
    guard !bytes.overflow, bytes.partialValue <= maximumBytes, items <= Int32.max - Int32(Self.orderStep) else {
      throw .tooLarge(
        "EASE over \(items) items needs \(bytes.partialValue >> 20) MiB; its limit is \(maximumBytes >> 20) MiB")
    }
    // Rows and columns of items without interest are λ on the diagonal and 0 elsewhere: they leave the others as they are.
    var isMet = [Bool](repeating: false, count: items)
    for item in interest.indices { isMet[Int(item)] = true }
    let met = isMet.indices.filter { isMet[$0] }
    let order = (met.count + Self.orderStep - 1) / Self.orderStep * Self.orderStep
    var gram = Self.gram(of: interest.keeping(columns: met), order: order)
    for item in met.indices { gram[item * order + item] += Float(regularisation) }
    for filler in met.count..<order { gram[filler * order + filler] = 1 }
    let size = Int32(order)
    // Column-major 'L' is row-major 'U': the half that `gram` fills.
    guard
      met.isEmpty
        || (LAPACKE_spotrf(LAPACK_COL_MAJOR, CChar(UInt8(ascii: "L")), size, &gram, size) == 0
          && LAPACKE_spotri(LAPACK_COL_MAJOR, CChar(UInt8(ascii: "L")), size, &gram, size) == 0)
    else { throw .malformedFit("XᵀX + λI is not positive definite; raise λ") }
    weights = Self.weights(fromInverse: gram, of: met, items, order: order)
  }

  /// Scores of all items for a row's non-zeros, [items]. Complexity: O(non-zeros × items).
  func scores(_ row: [(column: Int, value: Float)]) -> [Float] {
    var scores = [Float](repeating: 0, count: items)
    weights.withUnsafeBufferPointer { weights in
      for (column, value) in row {
        cblas_saxpy(Int32(items), value, weights.baseAddress! + column * items, 1, &scores, 1)
      }
    }
    return scores
  }

  /// The upper half of XᵀX, row-major in a matrix [order × order]: item by item, so that one row of it is all that the innermost loop touches.
  private static func gram(of interest: SparseMatrix, order: Int) -> [Float] {
    let n = interest.columns
    let byItem = interest.transposed()
    var gram = [Float](repeating: 0, count: order * order)
    // Items are visited in ascending order, so each row of X is passed through once, from its start.
    var next = interest.offsets
    gram.withUnsafeMutableBufferPointer { gram in
      for item in 0..<n {
        let start = item * order
        for a in byItem.offsets[item]..<byItem.offsets[item + 1] {
          let user = Int(byItem.indices[a])
          let value = byItem.values[a]
          for b in next[user]..<interest.offsets[user + 1] {
            gram[start + Int(interest.indices[b])] += value * interest.values[b]
          }
          next[user] += 1
        }
      }
    }
    return gram
  }

  private static func weights(fromInverse upper: [Float], of met: [Int], _ items: Int, order: Int) -> [Float] {
    var weights = [Float](repeating: 0, count: items * items)
    let scale = met.indices.map { -1 / upper[$0 * order + $0] }
    weights.withUnsafeMutableBufferPointer { weights in
      upper.withUnsafeBufferPointer { upper in
        for i in met.indices {
          let row = met[i] * items
          for j in i + 1..<met.count {
            weights[row + met[j]] = upper[i * order + j] * scale[j]
            weights[met[j] * items + met[i]] = upper[i * order + j] * scale[i]
          }
        }
      }
    }
    return weights
  }
}

extension SparseMatrix {
  /// The matrix of these columns alone, ascending; the others hold nothing.
  fileprivate func keeping(columns kept: [Int]) -> SparseMatrix {
    var place = [Int32](repeating: -1, count: columns)
    for (index, column) in kept.enumerated() { place[column] = Int32(index) }
    return SparseMatrix(
      columns: kept.count, offsets: offsets, indices: indices.map { place[Int($0)] }, values: values)
  }
}
