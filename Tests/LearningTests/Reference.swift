import Foundation

/// Values computed with public libraries by `Fixtures/reference.py`.
struct Reference: Decodable {
  struct Ranking: Decodable {
    let list: [Int32]
    let relevant: [Int32]
    let ndcg: Double
    let hit: Bool
  }
  struct Calibration: Decodable {
    let scores: [Double]
    let answers: [Bool]
    let slope: Double
    let intercept: Double
    let rmse: Double
  }
  struct Paired: Decodable {
    let first: [Double]
    let second: [Double]
    let mean: Double
    let low: Double
    let high: Double
  }
  struct ALS: Decodable {
    let interest: [[Double]]
    let factors: Int
    let regularisation: Double
    let alpha: Double
    let items: [[Double]]
    let customers: [[Double]]
    let products: [[Double]]
  }

  let ranking: [Ranking]
  let calibration: Calibration
  let paired: Paired
  let als: ALS

  static func load() throws -> Reference {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/reference.json")
    return try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
  }
}
