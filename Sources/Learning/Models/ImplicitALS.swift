/// Matrix factorisation of implicit feedback by alternating least squares.
///
/// Minimises Σᵤᵢ cᵤᵢ (pᵤᵢ − xᵤᵀyᵢ)² + λ (Σᵤ ‖xᵤ‖² + Σᵢ ‖yᵢ‖²) over all pairs, seen or not.
///
/// | paper | here |
/// | --- | --- |
/// | rᵤᵢ | interest, a `SparseMatrix` [customers × products] |
/// | cᵤᵢ = 1 + α rᵤᵢ | confidence |
/// | pᵤᵢ | 1 where r > 0, else 0 |
/// | X, Y | customer and item factors, row-major f32 [customers × f], [products × f] |
/// | YᵀY + Yᵀ(Cᵘ − I)Y + λI | the normal equations of one customer, never formed: conjugate gradients only multiply by them |
///
/// Rows are solved apart from each other, so factors do not depend on the number of threads (`LinearAlgebra.threads`).
///
/// Sources: Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008; for conjugate gradients
/// inside: Takács, Pilászy, Tikk, "Applications of the conjugate gradient method for implicit feedback collaborative
/// filtering", RecSys 2011.
public struct ImplicitALS: Hashable, Sendable {
  /// Number of latent factors f.
  public let factors: Int
  /// λ.
  public let regularisation: Double
  /// α.
  public let alpha: Double
  /// Passes over both sides.
  public let iterations: Int

  /// Conjugate gradient steps for each row of a pass, starting from the pass before.
  private static let stepsPerPass = 3
  /// In exact arithmetic one step for each factor is enough; f32 needs some more on badly conditioned rows.
  private static let foldInStepsPerFactor = 3
  /// Standard deviation of the first item factors times √f: rows about as long as fitted ones, from where 15 passes come
  /// further down than from very short ones.
  private static let initialScale = 0.8

  /// Parameters in the paper's order of appearance; factors and iterations are at least 1, λ is positive, α not negative.
  public init(factors: Int, regularisation: Double, alpha: Double, iterations: Int) {
    precondition(factors > 0 && iterations > 0 && regularisation > 0 && alpha >= 0, "parameters outside their ranges")
    self.factors = factors
    self.regularisation = regularisation
    self.alpha = alpha
    self.iterations = iterations
  }

  /// Fits item factors Y [products × f] to interest r; customers are folded in afterwards.
  ///
  /// Complexity: O(iterations · (non-zeros · f + (customers + products) · f²)). Throws `cancelled`, soon after the task is.
  public func fit(_ interest: SparseMatrix, seed: UInt64) throws(LearningError) -> [Float] {
    let x = FactorRows(rows: interest.rows, factors: factors)
    let y = initialItems(interest.columns, seed: seed)
    try alternate(interest, x, y, level: .best, threads: LinearAlgebra.threads)
    return y.packed()
  }

  /// The same, with the customer factors X [customers × f] of the last pass.
  public func factorise(_ interest: SparseMatrix, seed: UInt64) throws(LearningError) -> (x: [Float], y: [Float]) {
    try factorise(interest, seed: seed, level: .best, threads: LinearAlgebra.threads)
  }

  func factorise(
    _ interest: SparseMatrix, seed: UInt64, level: KernelLevel, threads: Int
  ) throws(LearningError) -> (x: [Float], y: [Float]) {
    let x = FactorRows(rows: interest.rows, factors: factors)
    let y = initialItems(interest.columns, seed: seed)
    try alternate(interest, x, y, level: level, threads: threads)
    return (x.packed(), y.packed())
  }

  /// Factors of every row of `interest` given the other side's, solved to the end: [rows × f], zeros for empty rows.
  ///
  /// Folds customers in from item factors and, with the matrix transposed, products in from customer factors.
  public func foldIn(_ interest: SparseMatrix, against other: [Float]) -> [Float] {
    foldIn(interest, against: other, level: .best, threads: LinearAlgebra.threads)
  }

  func foldIn(_ interest: SparseMatrix, against other: [Float], level: KernelLevel, threads: Int) -> [Float] {
    precondition(other.count == interest.columns * factors, "the other side needs a row for each column")
    let rows = FactorRows(rows: interest.rows, factors: factors)
    let equations = NormalEquations(
      interest, regularisation: regularisation, alpha: alpha, level: level, threads: threads)
    equations.descend(rows, against: FactorRows(other, factors: factors), steps: Self.foldInStepsPerFactor * factors) {
      false
    }
    return rows.packed()
  }

  /// Y before the first pass.
  private func initialItems(_ products: Int, seed: UInt64) -> FactorRows {
    var random = Xoshiro256(seed: seed)
    let scale = Self.initialScale / Double(factors).squareRoot()
    return FactorRows((0..<products * factors).map { _ in Float(random.nextNormal() * scale) }, factors: factors)
  }

  /// Improves X given Y and Y given X in turns.
  private func alternate(
    _ interest: SparseMatrix, _ x: borrowing FactorRows, _ y: borrowing FactorRows, level: KernelLevel, threads: Int
  ) throws(LearningError) {
    func equations(_ interest: SparseMatrix) -> NormalEquations {
      NormalEquations(interest, regularisation: regularisation, alpha: alpha, level: level, threads: threads)
    }
    let (byCustomer, byProduct) = (equations(interest), equations(interest.transposed()))
    withUnsafeCurrentTask { task in
      // As something that any task may be asked, this may be asked of the current one from other threads.
      let isCancelled = { task?.isCancelled == true }
      for _ in 0..<iterations where !isCancelled() {
        byCustomer.descend(x, against: y, steps: Self.stepsPerPass, unless: isCancelled)
        byProduct.descend(y, against: x, steps: Self.stepsPerPass, unless: isCancelled)
      }
    }
    if Task.isCancelled { throw .cancelled }
  }
}
