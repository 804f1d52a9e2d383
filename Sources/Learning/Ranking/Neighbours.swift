import Foundation

/// Item-item neighbours: scores are a user's row times the k strongest similarities of each item.
///
/// Similarity is the dot product of two items' columns, scaled to length 1 (cosine) or weighted by BM25 with items as
/// documents and users as terms (k₁ = 1.2, b = 0.75).
///
/// Sources: Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001; Robertson, Zaragoza,
/// "The probabilistic relevance framework: BM25 and beyond", 2009.
struct Neighbours: Sendable {
  enum Weighting: Sendable { case cosine, bm25 }

  private static let saturation: Float = 1.2
  private static let lengthWeight: Float = 0.75

  /// S [items × items]: row i holds what interest in i says of its neighbours.
  let similarities: SparseMatrix

  /// Complexity: O(Σ rows² + items² · log k).
  init(_ interest: SparseMatrix, weighting: Weighting, neighbours: Int) {
    precondition(neighbours > 0, "an item needs at least one neighbour")
    let byItem = Self.weighted(interest.transposed(), weighting)
    let byUser = byItem.transposed()
    var similarity = [Float](repeating: 0, count: interest.columns)
    var top = TopProducts(length: neighbours, eligible: [Bool](repeating: true, count: interest.columns))
    var builder = SparseMatrix.Builder(rows: interest.columns, columns: interest.columns)
    for item in 0..<interest.columns {
      similarity.withUnsafeMutableBufferPointer { similarity in
        for (user, value) in byItem.row(item) {
          for position in byUser.offsets[user]..<byUser.offsets[user + 1] {
            similarity[Int(byUser.indices[position])] += value * byUser.values[position]
          }
        }
      }
      let own = [Int32(item)]
      for (neighbour, value) in top.select(similarity, excluding: own[...]).sorted(by: { $0.product < $1.product })
      where value > 0 {
        builder.add(column: neighbour, value: value)
      }
      builder.finishRow()
      for index in similarity.indices { similarity[index] = 0 }
    }
    similarities = builder.build()
  }

  func scores(_ row: [(column: Int, value: Float)]) -> [Float] {
    var scores = [Float](repeating: 0, count: similarities.columns)
    for (item, value) in row {
      for position in similarities.offsets[item]..<similarities.offsets[item + 1] {
        scores[Int(similarities.indices[position])] += value * similarities.values[position]
      }
    }
    return scores
  }

  private static func weighted(_ byItem: SparseMatrix, _ weighting: Weighting) -> SparseMatrix {
    let items = Float(byItem.rows)
    let lengths = (0..<byItem.rows).map { item in byItem.row(item).reduce(0) { $0 + $1.value } }
    var frequency = [Float](repeating: 0, count: byItem.columns)
    for user in byItem.indices { frequency[Int(user)] += 1 }
    let mean = max(lengths.reduce(0, +) / max(1, items), .leastNormalMagnitude)
    var builder = SparseMatrix.Builder(rows: byItem.rows, columns: byItem.columns)
    for item in 0..<byItem.rows {
      let row = byItem.row(item)
      let norm = row.reduce(0) { $0 + $1.value * $1.value }.squareRoot()
      let length = saturation * (1 - lengthWeight + lengthWeight * lengths[item] / mean)
      for (user, value) in row {
        switch weighting {
        case .cosine: builder.add(column: Int32(user), value: value / max(norm, .leastNormalMagnitude))
        case .bm25:
          let rarity = log(items) - log1p(frequency[user])
          builder.add(column: Int32(user), value: value * (saturation + 1) / (length + value) * rarity)
        }
      }
      builder.finishRow()
    }
    return builder.build()
  }
}
