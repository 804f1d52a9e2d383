import RankedLists

/// Solves for the vector of somebody of whom only a few acts are known: x = (G + Σ α w y yᵀ + λ I)⁻¹ Σ (1 + α w) y.
///
/// Source: Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets", 2008, equation 4.
struct FoldIn {
  private let dimensions: Int
  private let confidence: Float
  private let vectors: UnsafeBufferPointer<Float>
  /// G + λ I, row by row.
  private var matrix: [Float]

  /// Good as long as the factors' file is.
  init(_ factors: borrowing ItemFactorsView) {
    dimensions = factors.dimensions
    confidence = factors.confidence
    vectors = factors.vectors
    matrix = Array(factors.gram)
    for row in 0..<dimensions { matrix[row * dimensions + row] += factors.regularization }
  }

  /// The vector of the acts, each of a candidate with a weight; zeros where the system has no solution.
  ///
  /// Complexity: O(acts · d² + d³).
  func vector(of acts: [(candidate: Int, weight: Float)]) -> [Float] {
    var a = matrix
    var b = [Float](repeating: 0, count: dimensions)
    for (candidate, weight) in acts {
      let y = UnsafeBufferPointer(rebasing: vectors[candidate * dimensions..<(candidate + 1) * dimensions])
      let extra = confidence * weight
      for row in 0..<dimensions {
        b[row] += (1 + extra) * y[row]
        for column in 0...row { a[row * dimensions + column] += extra * y[row] * y[column] }
      }
    }
    return Self.solve(&a, &b) ? b : [Float](repeating: 0, count: dimensions)
  }

  /// Cholesky's decomposition of the lower half of `a` in place, and the solution in place of `b`; false where `a` is not
  /// positive definite. Source: Golub and Van Loan, "Matrix Computations", algorithm 4.2.1.
  static func solve(_ a: inout [Float], _ b: inout [Float]) -> Bool {
    let n = b.count
    return a.withUnsafeMutableBufferPointer { a in
      for row in 0..<n {
        for column in 0...row {
          var sum = a[row * n + column]
          for k in 0..<column { sum -= a[row * n + k] * a[column * n + k] }
          if column < row {
            a[row * n + column] = sum / a[column * n + column]
          } else {
            guard sum > 0 else { return false }
            a[row * n + row] = sum.squareRoot()
          }
        }
        var sum = b[row]
        for k in 0..<row { sum -= a[row * n + k] * b[k] }
        b[row] = sum / a[row * n + row]
      }
      for row in (0..<n).reversed() {
        var sum = b[row]
        for k in row + 1..<n { sum -= a[k * n + row] * b[k] }
        b[row] = sum / a[row * n + row]
      }
      return true
    }
  }

  /// y · x for one candidate; eight sums at once, so that the processor's vector units serve.
  @inline(__always)
  static func dot(_ vectors: UnsafeBufferPointer<Float>, _ candidate: Int, _ x: [Float]) -> Float {
    let start = candidate * x.count
    return x.withUnsafeBufferPointer { x in
      var sums = SIMD8<Float>.zero
      var index = 0
      while index + 8 <= x.count {
        var (a, b) = (SIMD8<Float>(), SIMD8<Float>())
        for lane in 0..<8 {
          a[lane] = vectors[start + index + lane]
          b[lane] = x[index + lane]
        }
        sums += a * b
        index += 8
      }
      var sum = sums.sum()
      while index < x.count {
        sum += vectors[start + index] * x[index]
        index += 1
      }
      return sum
    }
  }
}
