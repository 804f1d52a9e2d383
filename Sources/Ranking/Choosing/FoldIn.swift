import CKernels
import RPC
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
    for (number, (candidate, weight)) in acts.enumerated() {
      Self.makeWay(number, dimensions)
      let y = UnsafeBufferPointer(rebasing: vectors[candidate * dimensions..<(candidate + 1) * dimensions])
      let extra = confidence * weight
      b.withUnsafeMutableBufferPointer { Self.add(1 + extra, y, to: $0) }
      a.withUnsafeMutableBufferPointer { a in
        for row in 0..<dimensions { Self.add(extra * y[row], y, to: Self.row(row, of: a, dimensions), from: row) }
      }
    }
    return Self.solve(&a, &b) ? b : [Float](repeating: 0, count: dimensions)
  }

  /// Cholesky's decomposition A = UᵀU of the upper half of `a` in place, and the solution in place of `b`; false where `a` is
  /// not positive definite. What `a` holds below the diagonal is of no use afterwards.
  ///
  /// Source: Golub and Van Loan, "Matrix Computations", section 4.2, in the form of outer products.
  static func solve(_ a: inout [Float], _ b: inout [Float]) -> Bool {
    let n = b.count
    return a.withUnsafeMutableBufferPointer { a in
      b.withUnsafeMutableBufferPointer { b in
        for k in 0..<n {
          makeWay(k, n)
          let pivot = row(k, of: a, n)
          guard pivot[k] > 0 else { return false }
          let scale = 1 / pivot[k].squareRoot()
          for column in k..<n { pivot[column] *= scale }
          b[k] *= scale
          for i in k + 1..<n { add(-pivot[i], UnsafeBufferPointer(pivot), to: row(i, of: a, n), from: i) }
          for column in k + 1..<n { b[column] -= b[k] * pivot[column] }
        }
        for k in (0..<n).reversed() {
          let pivot = row(k, of: a, n)
          for column in k + 1..<n { b[k] -= pivot[column] * b[column] }
          b[k] /= pivot[k]
        }
        return true
      }
    }
  }

  /// y · x for each of the first `candidates`, [candidates]. Complexity: O(candidates · d).
  func scores(_ x: [Float], candidates: Int) -> [Float] {
    precondition(x.count == dimensions && candidates * dimensions <= vectors.count, "the vectors are of another length")
    guard let base = vectors.baseAddress else { return [] }
    let level = nj_best_level()
    return [Float](unsafeUninitializedCapacity: candidates) { scores, count in
      guard let out = scores.baseAddress else { return }
      while count < candidates {
        let piece = min(candidates - count, max(1, Limits.scoredNumbers / dimensions))
        nj_dots(level, base + count * dimensions, piece, Int32(dimensions), x, out + count)
        count += piece
        BlockingPool.makeWay()
      }
    }
  }

  /// Lets others run at every so many steps that each go over up to n² numbers.
  private static func makeWay(_ step: Int, _ n: Int) {
    if step % max(1, Limits.scoredNumbers / (n * n)) == 0 { BlockingPool.makeWay() }
  }

  private static func row(
    _ row: Int, of matrix: UnsafeMutableBufferPointer<Float>, _ n: Int
  ) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(rebasing: matrix[row * n..<(row + 1) * n])
  }

  /// Adds `factor` · x to y, sixteen at once, so that the processor's vector units serve, from the sixteen on that hold `first`.
  @inline(__always)
  private static func add(
    _ factor: Float, _ x: UnsafeBufferPointer<Float>, to y: UnsafeMutableBufferPointer<Float>, from first: Int = 0
  ) {
    precondition(x.count == y.count)
    let (from, to) = (UnsafeRawBufferPointer(x), UnsafeMutableRawBufferPointer(y))
    var index = first & ~15
    while index + 16 <= x.count {
      let offset = index * MemoryLayout<Float>.size
      let own = from.loadUnaligned(fromByteOffset: offset, as: SIMD16<Float>.self)
      let sum = to.loadUnaligned(fromByteOffset: offset, as: SIMD16<Float>.self) + factor * own
      to.storeBytes(of: sum, toByteOffset: offset, as: SIMD16<Float>.self)
      index += 16
    }
    while index < x.count {
      y[index] += factor * x[index]
      index += 1
    }
  }
}
