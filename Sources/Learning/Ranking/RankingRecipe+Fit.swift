import COpenBLAS
import Foundation

extension RankingRecipe {
  /// What is learned of the rows; the scores of all of their items for a user, [items], are asked of it.
  ///
  /// A user without rows gets the trend. Throws `tooLarge` where the family's matrices would not fit into memory,
  /// `cancelled` if the task is cancelled.
  public func fit(_ train: Observations, seed: UInt64) throws(LearningError) -> @Sendable (Int) -> [Float] {
    if family == .popular {
      let trend = Self.trend(train, days: self["days"])
      return { _ in trend }
    }
    if family == .stack {
      let stack = try StackWorkshop(stacked).stack(of: train, seed: seed)
      let second = try stack.learn(treeSettings)
      return { second.scores(stack.candidates(for: $0)) }
    }
    let personal = try fitPersonal(train, seed: seed)
    let trend = Self.trend(train, days: self["trend-days"])
    let weight = Float(self["trend"])
    return { user in
      guard var scores = personal(user) else { return trend }
      scores.standardise()
      cblas_saxpy(Int32(scores.count), weight, trend, 1, &scores, 1)
      return scores
    }
  }

  /// The part of a fit that no blend changes: a user's scores, [items], or nil where the user has no rows.
  func fitPersonal(_ train: Observations, seed: UInt64) throws(LearningError) -> @Sendable (Int) -> [Float]? {
    let interest = train.recency(now: train.latest, days: self["recency"])
    let scores: @Sendable (Int) -> [Float]
    switch family {
    case .popular, .stack: return { _ in nil }
    case .knn:
      let model = Neighbours(
        interest, weighting: self["bm25"] > 0 ? .bm25 : .cosine, neighbours: Int(self["neighbours"]))
      scores = { model.scores(interest.row($0)) }
    case .ease:
      let model = try EASE(interest, regularisation: self["lambda"])
      scores = { model.scores(interest.row($0)) }
    case .als:
      let als = ImplicitALS(
        factors: Int(self["factors"]), regularisation: self["lambda"], alpha: self["alpha"],
        iterations: Int(self["iterations"]))
      let y = try als.fit(interest, seed: seed)
      let x = als.foldIn(interest, against: y)
      scores = { als.scores(of: $0, x, y) }
    }
    return { user in interest.isEmpty(row: user) ? nil : scores(user) }
  }

  /// Logarithm of each item's smoothed share of the users' decayed choices, [items]; each user counts once for an item.
  static func trend(_ train: Observations, days: Double) -> [Float] {
    let choices = train.recency(now: train.latest, days: days)
    var sales = [Double](repeating: 0, count: train.items)
    for (item, weight) in zip(choices.indices, choices.values) { sales[Int(item)] += Double(weight) }
    let total = sales.reduce(0, +)
    let even = evenShare / Double(max(1, train.items))
    return sales.map { Float(log($0 / max(total, .leastNormalMagnitude) + even)) }
  }

  /// Share of all sales that is spread evenly, so that what has not sold lately has a score too.
  private static let evenShare = 0.3
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
