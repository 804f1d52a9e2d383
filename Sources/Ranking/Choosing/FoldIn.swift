import CKernels
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
    a.withUnsafeMutableBufferPointer { a in
      for (candidate, weight) in acts {
        let y = UnsafeBufferPointer(rebasing: vectors[candidate * dimensions..<(candidate + 1) * dimensions])
        let extra = confidence * weight
        for row in 0..<dimensions {
          b[row] += (1 + extra) * y[row]
          let scaled = extra * y[row]
          for column in 0...row { a[row * dimensions + column] += scaled * y[column] }
        }
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
          let sum = a[row * n + column] - dot(a, row * n, column * n, count: column)
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

  /// y · x for each of the first `candidates`, [candidates]. Complexity: O(candidates · d).
  func scores(_ x: [Float], candidates: Int) -> [Float] {
    precondition(x.count == dimensions && candidates * dimensions <= vectors.count, "the vectors are of another length")
    guard let base = vectors.baseAddress else { return [] }
    return [Float](unsafeUninitializedCapacity: candidates) { scores, count in
      if let out = scores.baseAddress { nj_dots(nj_best_level(), base, candidates, Int32(dimensions), x, out) }
      count = candidates
    }
  }

  private static func dot(_ a: UnsafeMutableBufferPointer<Float>, _ first: Int, _ second: Int, count: Int) -> Float {
    guard let base = a.baseAddress else { return 0 }
    return dot(base + first, base + second, count: count)
  }

  /// The sum of products; sixteen at once, so that the processor's vector units serve.
  @inline(__always)
  private static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Float {
    let (left, right) = (UnsafeRawPointer(a), UnsafeRawPointer(b))
    var sums = SIMD16<Float>.zero
    var index = 0
    while index + 16 <= count {
      let offset = index * MemoryLayout<Float>.size
      sums +=
        left.loadUnaligned(fromByteOffset: offset, as: SIMD16<Float>.self)
        * right.loadUnaligned(fromByteOffset: offset, as: SIMD16<Float>.self)
      index += 16
    }
    var sum = sums.sum()
    while index < count {
      sum += a[index] * b[index]
      index += 1
    }
    return sum
  }
}
