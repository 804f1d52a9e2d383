import Foundation

@testable import Learning

/// Values computed with public libraries by `Fixtures/ranking.py`.
struct RankingReference: Decodable {
  struct Metrics: Decodable {
    let train: [[Int32]]
    let test: [[Int32]]
    let scores: [[Float]]
    let users: Int
    let ndcg: Double
    let recall: Double
    let hitRate: Double
    let map: Double
    let coverage: Double
    let novelty: Double
  }
  struct Calibration: Decodable {
    let probabilities: [Double]
    let answers: [Bool]
    let error: Double
  }
  struct EASE: Decodable {
    let interest: [[Float]]
    let regularisation: Double
    let weights: [[Float]]
  }
  struct Neighbours: Decodable {
    let interest: [[Float]]
    let neighbours: Int
    let cosine: [[Float]]
    let bm25: [[Float]]
  }
  struct ALS: Decodable {
    let interest: [[Float]]
    let factors: Int
    let regularisation: Double
    let alpha: Double
    let iterations: Int
    let users: [[Double]]
    let items: [[Double]]
    let loss: Double
  }

  let metrics: Metrics
  let calibration: Calibration
  let ease: EASE
  let neighbours: Neighbours
  let als: ALS

  static func load() throws -> RankingReference {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/ranking.json")
    return try JSONDecoder().decode(RankingReference.self, from: Data(contentsOf: file))
  }

  /// The non-zeros of a dense matrix.
  static func sparse(_ dense: [[Float]]) -> SparseMatrix {
    var builder = SparseMatrix.Builder(rows: dense.count, columns: dense.first?.count ?? 0)
    for row in dense {
      for (column, value) in row.enumerated() where value != 0 { builder.add(column: Int32(column), value: value) }
      builder.finishRow()
    }
    return builder.build()
  }

  /// Σᵤᵢ cᵤᵢ (pᵤᵢ − xᵤᵀyᵢ)² + λ (‖X‖² + ‖Y‖²) in double precision.
  static func loss(_ als: ALS, users x: [[Double]], items y: [[Double]]) -> Double {
    var loss = 0.0
    for (u, row) in als.interest.enumerated() {
      for (i, r) in row.enumerated() {
        let error = (r > 0 ? 1 : 0) - zip(x[u], y[i]).reduce(0) { $0 + $1.0 * $1.1 }
        loss += (1 + als.alpha * Double(r)) * error * error
      }
    }
    return loss + als.regularisation * (x + y).joined().reduce(0) { $0 + $1 * $1 }
  }
}
