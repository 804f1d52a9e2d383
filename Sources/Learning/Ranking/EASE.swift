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

  /// Fits B. Complexity: O(Σ row² + items³). Throws `tooLarge` where the matrices would not fit in `maximumBytes`.
  public init(
    _ interest: SparseMatrix, regularisation: Double, maximumBytes: Int = defaultMaximumBytes
  ) throws(LearningError) {
    precondition(regularisation > 0, "λ must be positive")
    let n = interest.columns
    items = n
    let order = (n + Self.orderStep - 1) / Self.orderStep * Self.orderStep
    let bytes = order.multipliedReportingOverflow(by: order * 2 * MemoryLayout<Float>.size)
    guard !bytes.overflow, bytes.partialValue <= maximumBytes, order <= Int32.max else {
      throw .tooLarge(
        "EASE over \(n) items needs \(bytes.partialValue >> 20) MiB; its limit is \(maximumBytes >> 20) MiB")
    }
    var gram = Self.gram(of: interest, order: order)
    for item in 0..<n { gram[item * order + item] += Float(regularisation) }
    for filler in n..<order { gram[filler * order + filler] = 1 }
    let size = Int32(order)
    // Column-major 'L' is row-major 'U': the half that `gram` fills.
    guard
      n == 0
        || (LAPACKE_spotrf(LAPACK_COL_MAJOR, CChar(UInt8(ascii: "L")), size, &gram, size) == 0
          && LAPACKE_spotri(LAPACK_COL_MAJOR, CChar(UInt8(ascii: "L")), size, &gram, size) == 0)
    else { throw .malformedFit("XᵀX + λI is not positive definite; raise λ") }
    weights = Self.weights(fromInverse: gram, n, order: order)
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

  private static func weights(fromInverse upper: [Float], _ n: Int, order: Int) -> [Float] {
    var weights = [Float](repeating: 0, count: n * n)
    let scale = (0..<n).map { -1 / upper[$0 * order + $0] }
    weights.withUnsafeMutableBufferPointer { weights in
      upper.withUnsafeBufferPointer { upper in
        for i in 0..<n {
          for j in i + 1..<max(n, i + 1) {
            weights[i * n + j] = upper[i * order + j] * scale[j]
            weights[j * n + i] = upper[i * order + j] * scale[i]
          }
        }
      }
    }
    return weights
  }
}
