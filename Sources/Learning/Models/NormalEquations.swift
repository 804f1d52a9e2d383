import COpenBLAS

/// One row's normal equations (G + Zᵀ W Z + λI) x = Zᵀ (1 + w), solved by conjugate gradients.
///
/// G = YᵀY is shared by all rows; Z [n × f] holds the n factors that the row has interest in, W = diag(w) their α·r.
struct NormalEquations {
  private let factors: Int
  private let regularisation: Float
  private let alpha: Float
  /// G [f × f].
  private var gram: [Float]
  /// Z [longest row × f]; the first `count` rows are in use.
  private var gathered: [Float]
  /// w.
  private var weights: [Float]
  /// Z p, then W Z p.
  private var products: [Float]
  private var count = 0
  private var residual: [Float]
  private var direction: [Float]
  private var image: [Float]

  /// Residual² over right side² at which a row is solved as well as f32 can.
  private static let tolerance: Float = 1e-12

  init(other: [Float], factors: Int, regularisation: Float, alpha: Float, longestRow: Int) {
    self.factors = factors
    self.regularisation = regularisation
    self.alpha = alpha
    gram = [Float](repeating: 0, count: factors * factors)
    gathered = [Float](repeating: 0, count: longestRow * factors)
    weights = [Float](repeating: 0, count: longestRow)
    products = weights
    residual = [Float](repeating: 0, count: factors)
    direction = residual
    image = residual
    let f = Int32(factors)
    cblas_sgemm(
      CblasRowMajor, CblasTrans, CblasNoTrans, f, f, Int32(other.count / factors), 1, other, f, other, f, 0, &gram, f)
  }

  /// Takes up the row whose non-zeros are given.
  mutating func load(
    _ indices: ArraySlice<Int32>, _ values: ArraySlice<Float>, _ other: UnsafeBufferPointer<Float>
  ) {
    count = indices.count
    gathered.withUnsafeMutableBufferPointer { gathered in
      for (position, column) in indices.enumerated() {
        let source = other[Int(column) * factors..<(Int(column) + 1) * factors]
        _ = UnsafeMutableBufferPointer(rebasing: gathered[position * factors..<(position + 1) * factors])
          .update(fromContentsOf: UnsafeBufferPointer(rebasing: source))
      }
    }
    for (position, value) in values.enumerated() { weights[position] = alpha * value }
  }

  /// Takes up to `steps` steps from `x`, in place.
  mutating func descend(_ steps: Int, from x: UnsafeMutableBufferPointer<Float>) {
    let f = Int32(factors)
    // residual = b − A x, with b = Zᵀ (1 + w).
    for position in 0..<count { products[position] = 1 + weights[position] }
    cblas_sgemv(CblasRowMajor, CblasTrans, Int32(count), f, 1, gathered, f, products, 1, 0, &residual, 1)
    let target = cblas_sdot(f, residual, 1, residual, 1)
    multiply(UnsafePointer(x.baseAddress!))
    cblas_saxpy(f, -1, image, 1, &residual, 1)
    cblas_scopy(f, residual, 1, &direction, 1)
    var square = cblas_sdot(f, residual, 1, residual, 1)
    for _ in 0..<steps where square > Self.tolerance * target {
      direction.withUnsafeBufferPointer { multiply($0.baseAddress!) }
      let length = square / cblas_sdot(f, direction, 1, image, 1)
      cblas_saxpy(f, length, direction, 1, x.baseAddress!, 1)
      cblas_saxpy(f, -length, image, 1, &residual, 1)
      let next = cblas_sdot(f, residual, 1, residual, 1)
      cblas_sscal(f, next / square, &direction, 1)
      cblas_saxpy(f, 1, residual, 1, &direction, 1)
      square = next
    }
  }

  /// image = A p.
  private mutating func multiply(_ p: UnsafePointer<Float>) {
    let f = Int32(factors)
    cblas_sgemv(CblasRowMajor, CblasNoTrans, f, f, 1, gram, f, p, 1, 0, &image, 1)
    cblas_saxpy(f, regularisation, p, 1, &image, 1)
    cblas_sgemv(CblasRowMajor, CblasNoTrans, Int32(count), f, 1, gathered, f, p, 1, 0, &products, 1)
    for position in 0..<count { products[position] *= weights[position] }
    cblas_sgemv(CblasRowMajor, CblasTrans, Int32(count), f, 1, gathered, f, products, 1, 1, &image, 1)
  }
}
