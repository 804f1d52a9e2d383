import COpenBLAS
import Foundation

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
    case .als:
      common.merging(["factors": 1...1024, "lambda": 1e-6...1e6, "alpha": 0...1e6, "iterations": 1...1000]) { $1 }
    }
  }

  /// The values from which a search composes its candidates where the caller has fixed none; the first is where it starts.
  static func choices(_ family: Family) -> [(option: String, values: [Double])] {
    let recency = ("recency", [30, 0, 15, 60, 120.0])
    let trend = [("trend", [0, 0.3, 1, 2.0]), ("trend-days", [7, 14, 30.0])]
    return switch family {
    case .popular: [("days", [30, 0, 3, 7, 14, 60])]
    case .knn: [recency, ("bm25", [1, 0]), ("neighbours", [100, 30, 300])] + trend
    case .ease: [recency, ("lambda", [300, 30, 100, 1000])] + trend
    case .als:
      [("factors", [64]), ("iterations", [10]), recency, ("lambda", [30, 3, 10, 100]), ("alpha", [1, 0.3, 3, 10])]
        + trend
    }
  }

  /// What is learned of the rows; the scores of all of their items for a user, [items], are asked of it.
  ///
  /// A user without rows gets the trend. Throws `tooLarge` where the family's matrices would not fit into memory, `cancelled` if the task is cancelled.
  public func fit(_ train: Observations, seed: UInt64) throws(LearningError) -> @Sendable (Int) -> [Float] {
    let trend = Self.trend(train, days: self[family == .popular ? "days" : "trend-days"])
    if family == .popular { return { _ in trend } }
    let interest = train.recency(now: train.latest, days: self["recency"])
    let personal: @Sendable (Int) -> [Float]
    switch family {
    case .popular: return { _ in trend }
    case .knn:
      let model = Neighbours(
        interest, weighting: self["bm25"] > 0 ? .bm25 : .cosine, neighbours: Int(self["neighbours"]))
      personal = { model.scores(interest.row($0)) }
    case .ease:
      let model = try EASE(interest, regularisation: self["lambda"])
      personal = { model.scores(interest.row($0)) }
    case .als:
      let als = ImplicitALS(
        factors: Int(self["factors"]), regularisation: self["lambda"], alpha: self["alpha"],
        iterations: Int(self["iterations"]))
      let y = try als.fit(interest, seed: seed)
      let x = als.foldIn(interest, against: y)
      personal = { als.scores(of: $0, x, y) }
    }
    let weight = Float(self["trend"])
    return { user in
      guard !interest.isEmpty(row: user) else { return trend }
      return weight > 0 ? Self.blend(personal(user), trend, weight: weight) : personal(user)
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

  /// Logarithm of each item's smoothed share of the users' decayed rows, [items].
  private static func trend(_ train: Observations, days: Double) -> [Float] {
    var sales = [Double](repeating: 0, count: train.items)
    let now = train.latest
    for row in 0..<train.count { sales[Int(train.item[row])] += Observations.decay(now - train.time[row], days) }
    let total = sales.reduce(0, +)
    let even = evenShare / Double(max(1, train.items))
    return sales.map { Float(log($0 / max(total, .leastNormalMagnitude) + even)) }
  }

  /// Share of all sales that is spread evenly, so that what has not sold lately has a score too.
  private static let evenShare = 0.3

  /// Personal scores at mean 0 and variance 1, plus the trend.
  private static func blend(_ personal: [Float], _ trend: [Float], weight: Float) -> [Float] {
    let count = Float(personal.count)
    let mean = personal.reduce(0, +) / count
    let variance = personal.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    let scale = variance > 0 ? 1 / variance.squareRoot() : 0
    return zip(personal, trend).map { ($0 - mean) * scale + weight * $1 }
  }
}

extension ImplicitALS {
  /// Y xᵤ for the user's row of X, [items].
  func scores(of user: Int, _ x: [Float], _ y: [Float]) -> [Float] {
    let items = y.count / factors
    var scores = [Float](repeating: 0, count: items)
    x.withUnsafeBufferPointer { x in
      guard let base = x.baseAddress else { return }
      let f = Int32(factors)
      cblas_sgemv(CblasRowMajor, CblasNoTrans, Int32(items), f, 1, y, f, base + user * factors, 1, 0, &scores, 1)
    }
    return scores
  }
}
