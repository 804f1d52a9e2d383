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

  /// Fits B. Complexity: O(Σ row² + items³). Throws `tooLarge` where the matrices would not fit in `maximumBytes`.
  public init(
    _ interest: SparseMatrix, regularisation: Double, maximumBytes: Int = defaultMaximumBytes
  ) throws(LearningError) {
    precondition(regularisation > 0, "λ must be positive")
    let n = interest.columns
    items = n
    let bytes = n.multipliedReportingOverflow(by: n * 2 * MemoryLayout<Float>.size)
    guard !bytes.overflow, bytes.partialValue <= maximumBytes, n <= Int32.max else {
      throw .tooLarge(
        "EASE over \(n) items needs \(bytes.partialValue >> 20) MiB; its limit is \(maximumBytes >> 20) MiB")
    }
    var gram = Self.gram(of: interest)
    for item in 0..<n { gram[item * n + item] += Float(regularisation) }
    let order = Int32(n)
    // Column-major 'L' is row-major 'U': the half that `gram` fills.
    guard
      n == 0
        || (LAPACKE_spotrf(LAPACK_COL_MAJOR, CChar(UInt8(ascii: "L")), order, &gram, order) == 0
          && LAPACKE_spotri(LAPACK_COL_MAJOR, CChar(UInt8(ascii: "L")), order, &gram, order) == 0)
    else { throw .malformedFit("XᵀX + λI is not positive definite; raise λ") }
    weights = Self.weights(fromInverse: gram, n)
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

  /// The upper half of XᵀX, row-major: item by item, so that one row of it is all that the innermost loop touches.
  private static func gram(of interest: SparseMatrix) -> [Float] {
    let n = interest.columns
    let byItem = interest.transposed()
    var gram = [Float](repeating: 0, count: n * n)
    // Items are visited in ascending order, so each row of X is passed through once, from its start.
    var next = interest.offsets
    gram.withUnsafeMutableBufferPointer { gram in
      for item in 0..<n {
        let start = item * n
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

  private static func weights(fromInverse upper: [Float], _ n: Int) -> [Float] {
    var weights = [Float](repeating: 0, count: n * n)
    let scale = (0..<n).map { -1 / upper[$0 * n + $0] }
    weights.withUnsafeMutableBufferPointer { weights in
      upper.withUnsafeBufferPointer { upper in
        for i in 0..<n {
          for j in i + 1..<max(n, i + 1) {
            weights[i * n + j] = upper[i * n + j] * scale[j]
            weights[j * n + i] = upper[i * n + j] * scale[i]
          }
        }
      }
    }
    return weights
  }
}
