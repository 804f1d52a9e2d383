/// A rule by which products speak for each other: row i of the matrix that it makes holds what interest in product i says of
/// the others.
public struct ItemSimilarity: Hashable, Sendable {
  /// How two products are compared.
  public enum Method: Hashable, Sendable {
    /// Cosine of their columns of interest.
    case cosine
    /// The same with columns weighted by BM25.
    case bm25
    /// Weights of the linear model of Steck (2019), λ its regularisation.
    case ease(regularisation: Double)
  }

  /// Bytes of the dense matrices that a fit may make; a larger catalogue is refused.
  public static let maximumBytes = 1 << 30

  /// The comparison.
  public let method: Method
  /// Products that each keeps, the strongest in absolute value.
  public let neighbours: Int

  /// A rule with parameters of its own; neighbours are at least 1, λ is positive.
  public init(_ method: Method, neighbours: Int) {
    precondition(neighbours > 0, "a product needs at least one neighbour")
    self.method = method
    self.neighbours = neighbours
  }

  /// Interest as the comparison takes it: linear models take w / (1 + w), lest a few great buyers make the fit.
  func taken(_ interest: SparseMatrix) -> SparseMatrix {
    guard case .ease = method else { return interest }
    return SparseMatrix(
      columns: interest.columns, offsets: interest.offsets, indices: interest.indices,
      values: interest.values.map { $0 / (1 + $0) })
  }

  /// The matrix [products × products] of interest as it takes it. Complexity: O(Σ row² + products² · log neighbours), for EASE O(products³).
  ///
  /// Throws `tooLarge` where its dense matrices would exceed `maximumBytes`.
  func fit(_ interest: SparseMatrix) throws(LearningError) -> SparseMatrix {
    switch method {
    case .cosine: return Neighbours(interest, weighting: .cosine, neighbours: neighbours).similarities
    case .bm25: return Neighbours(interest, weighting: .bm25, neighbours: neighbours).similarities
    case .ease(let regularisation):
      return strongest(of: try EASE(interest, regularisation: regularisation, maximumBytes: Self.maximumBytes))
    }
  }

  private func strongest(of ease: EASE) -> SparseMatrix {
    let count = ease.items
    var builder = SparseMatrix.Builder(rows: count, columns: count)
    var top = TopProducts(length: neighbours, eligible: [Bool](repeating: true, count: count))
    for row in 0..<count {
      let weights = ease.weights[row * count..<(row + 1) * count]
      if count <= neighbours {
        for (column, weight) in weights.enumerated() where weight != 0 {
          builder.add(column: Int32(column), value: weight)
        }
      } else {
        let kept = top.select(weights.map(abs), excluding: [])
        for column in kept.map(\.product).sorted() where weights[weights.startIndex + Int(column)] != 0 {
          builder.add(column: column, value: weights[weights.startIndex + Int(column)])
        }
      }
      builder.finishRow()
    }
    return builder.build()
  }
}
