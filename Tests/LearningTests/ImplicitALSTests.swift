import Testing

@testable import Learning

@Suite struct ImplicitALSTests {
  private func sparse(_ dense: [[Double]]) -> SparseMatrix {
    var builder = SparseMatrix.Builder(rows: dense.count, columns: dense[0].count)
    for row in dense {
      for (column, value) in row.enumerated() where value > 0 {
        builder.add(column: Int32(column), value: Float(value))
      }
      builder.finishRow()
    }
    return builder.build()
  }

  @Test("folding in solves the paper's normal equations, as numpy does")
  func foldIn() throws {
    let reference = try Reference.load().als
    let als = ImplicitALS(
      factors: reference.factors, regularisation: reference.regularisation, alpha: reference.alpha, iterations: 1)
    let interest = sparse(reference.interest)
    let x = als.foldIn(interest, against: reference.items.flatMap { $0.map { Float($0) } })
    for (ours, theirs) in zip(x, reference.customers.joined()) { #expect(abs(Double(ours) - theirs) < 1e-4) }
    let y = als.foldIn(interest.transposed(), against: x)
    for (ours, theirs) in zip(y, reference.products.joined()) { #expect(abs(Double(ours) - theirs) < 1e-4) }
  }

  /// Σ c (p − xᵀy)² + λ (‖X‖² + ‖Y‖²).
  private func loss(_ als: ImplicitALS, _ interest: SparseMatrix, _ y: [Float]) -> Double {
    let f = als.factors
    let x = als.foldIn(interest, against: y)
    var loss = als.regularisation * (x + y).reduce(0) { $0 + Double($1 * $1) }
    for u in 0..<interest.rows {
      let row = Dictionary(uniqueKeysWithValues: interest.row(u).map { ($0.column, Double($0.value)) })
      for i in 0..<interest.columns {
        let score = (0..<f).reduce(0.0) { $0 + Double(x[u * f + $1] * y[i * f + $1]) }
        let preference = row[i] == nil ? 0.0 : 1
        loss += (1 + als.alpha * (row[i] ?? 0)) * (preference - score) * (preference - score)
      }
    }
    return loss
  }

  @Test("each further pass lowers the loss")
  func descends() throws {
    let interest = Shop.interactions().history(through: Shop.end).interest(halfLifeDays: 0)
    let losses = try [1, 2, 4, 8, 16].map { iterations in
      let als = ImplicitALS(factors: 8, regularisation: 1, alpha: 1, iterations: iterations)
      return try loss(als, interest, als.fit(interest, seed: 5))
    }
    for (earlier, later) in zip(losses, losses.dropFirst()) { #expect(later < earlier) }
  }

  @Test("the same seed gives the same bytes, another seed others")
  func deterministic() throws {
    let interest = Shop.interactions().history(through: Shop.end).interest(halfLifeDays: 60)
    let als = ImplicitALS(factors: 8, regularisation: 1, alpha: 1, iterations: 3)
    #expect(try als.fit(interest, seed: 5) == als.fit(interest, seed: 5))
    #expect(try als.fit(interest, seed: 5) != als.fit(interest, seed: 6))
  }

  @Test("enormous interest leaves finite factors")
  func enormous() throws {
    let interest = sparse([[1e9, 1, 0], [0, 3e8, 1], [1, 0, 1e9]])
    let als = ImplicitALS(factors: 8, regularisation: 0.01, alpha: 40, iterations: 20)
    #expect(try als.fit(interest, seed: 1).allSatisfy { $0.isFinite })
  }
}
