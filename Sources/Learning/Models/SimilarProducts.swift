/// Which products were bought by the same customers: cosine similarity of their columns of interest.
///
/// Source: Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001.
public struct SimilarProducts: Sendable {
  private let rows: [[(product: Int, similarity: Float)]]

  /// The `count` most similar products of each. Complexity: O(Σ products of a customer² + products² · log count).
  public init(_ history: History, atMost count: Int) {
    let similarities = Neighbours(history.interest(halfLifeDays: 0), weighting: .cosine, neighbours: count).similarities
    rows = (0..<similarities.rows).map { row in
      similarities.row(row).map { (product: $0.column, similarity: $0.value) }
        .sorted { ($1.similarity, $0.product) < ($0.similarity, $1.product) }
    }
  }

  /// A product's neighbours, the most similar first, equal ones by index; similarity is positive and at most about 1.
  public subscript(product: Int) -> [(product: Int, similarity: Float)] { rows[product] }
}
