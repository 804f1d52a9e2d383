/// A family of ranking models with every option that its fit and its scores take.
public struct RankingRecipe: Hashable, Sendable, CustomStringConvertible {
  /// The kinds of ranking models.
  public enum Family: String, CaseIterable, Sendable {
    /// Decayed number of users who took each item.
    case popular
    /// Item-item neighbours.
    case knn
    /// Steck's linear autoencoder.
    case ease
    /// Factors of implicit feedback.
    case als
    /// Boosted trees over what the others put first.
    case stack
  }

  /// Its family.
  public let family: Family
  /// Value of each option of the family.
  public let options: [String: Double]

  /// The ranges that options may be set in, by family. Days of 0 mean no decay; weights of 0 leave a part out.
  static func ranges(_ family: Family) -> [String: ClosedRange<Double>] {
    let days = 0...36_500.0
    let common = ["recency": days, "trend": 0...100, "trend-days": days]
    return switch family {
    case .popular: ["days": days]
    case .knn: common.merging(["bm25": 0...1, "neighbours": 1...100_000]) { $1 }
    case .ease: common.merging(["lambda": 1e-3...1e9]) { $1 }
    case .stack: ["trees": 1...10_000, "depth": 1...12, "rate": 1e-3...1, "pairwise": 0...1]
    case .als:
      common.merging(["factors": 1...1024, "lambda": 1e-6...1e6, "alpha": 0...1e6, "iterations": 1...1000]) { $1 }
    }
  }

  /// The values from which a search composes fits where the caller has fixed none; the first is what it starts from.
  static func choices(_ family: Family) -> [(option: String, values: [Double])] {
    let recency = ("recency", [30, 0, 15, 60, 120.0])
    return switch family {
    case .stack: []
    case .popular: [("days", [7, 0, 3, 14, 30, 60])]
    case .knn: [recency, ("bm25", [1, 0]), ("neighbours", [100, 30, 300])]
    case .ease: [recency, ("lambda", [100, 10, 30, 300, 1000])]
    case .als:
      [("factors", [64]), ("iterations", [10]), recency, ("lambda", [10, 1, 3, 30, 100]), ("alpha", [1, 0.3, 3, 10])]
    }
  }

  /// The same for how a fit's scores are blended with what sells, which takes no new fit.
  static func blends(_ family: Family) -> [(option: String, values: [Double])] {
    switch family {
    case .popular: []
    case .knn, .ease, .als: [("trend", [0, 0.1, 0.3, 1]), ("trend-days", [7, 14, 30])]
    case .stack: [("pairwise", [0, 1]), ("depth", [4, 6]), ("trees", [100]), ("rate", [0.1])]
    }
  }

  /// "ease lambda=300 recency=30".
  public var description: String {
    ([family.rawValue] + options.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }).joined(separator: " ")
  }

  subscript(_ option: String) -> Double {
    guard let value = options[option] else { preconditionFailure("\(family) has no option \(option)") }
    return value
  }

  func with(_ option: String, _ value: Double) -> RankingRecipe {
    RankingRecipe(family: family, options: options.merging([option: value]) { $1 })
  }
}
