import COpenBLAS

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
  /// Standard deviation of the first item factors times √f.
  private static let initialScale = 0.1

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
  /// Complexity: O(iterations · (non-zeros · f + (customers + products) · f²)). Throws `cancelled` between two passes if
  /// the task is cancelled.
  public func fit(_ interest: SparseMatrix, seed: UInt64) throws(LearningError) -> [Float] {
    openblas_set_num_threads(1)
    let byProduct = interest.transposed()
    var random = Xoshiro256(seed: seed)
    let scale = Self.initialScale / Double(factors).squareRoot()
    var y = (0..<interest.columns * factors).map { _ in Float(random.nextNormal() * scale) }
    var x = [Float](repeating: 0, count: interest.rows * factors)
    for _ in 0..<iterations {
      if Task.isCancelled { throw .cancelled }
      solve(interest, against: y, steps: Self.stepsPerPass, into: &x)
      solve(byProduct, against: x, steps: Self.stepsPerPass, into: &y)
    }
    return y
  }

  /// Factors of every row of `interest` given the other side's, solved to the end: [rows × f], zeros for empty rows.
  ///
  /// Folds customers in from item factors and, with the matrix transposed, products in from customer factors.
  public func foldIn(_ interest: SparseMatrix, against other: [Float]) -> [Float] {
    openblas_set_num_threads(1)
    var rows = [Float](repeating: 0, count: interest.rows * factors)
    solve(interest, against: other, steps: Self.foldInStepsPerFactor * factors, into: &rows)
    return rows
  }

  /// Improves each row of `rows` by conjugate gradients on its normal equations.
  private func solve(_ interest: SparseMatrix, against other: [Float], steps: Int, into rows: inout [Float]) {
    precondition(other.count == interest.columns * factors, "the other side needs a row for each column")
    var solver = NormalEquations(
      other: other, factors: factors, regularisation: Float(regularisation), alpha: Float(alpha),
      longestRow: (0..<interest.rows).map { interest.offsets[$0 + 1] - interest.offsets[$0] }.max() ?? 0)
    rows.withUnsafeMutableBufferPointer { rows in
      other.withUnsafeBufferPointer { other in
        for row in 0..<interest.rows {
          let target = UnsafeMutableBufferPointer(rebasing: rows[row * factors..<(row + 1) * factors])
          let range = interest.offsets[row]..<interest.offsets[row + 1]
          if range.isEmpty {
            target.update(repeating: 0)
          } else {
            solver.load(interest.indices[range], interest.values[range], other)
            solver.descend(steps, from: target)
          }
        }
      }
    }
  }
}
