import Foundation

/// Fitted models that each name candidates for a user, and what is known of every candidate.
struct Generators: Sendable {
  private let fits: [@Sendable (Int) -> [Float]?]
  /// Logarithms of shares of what sells, over the days of `trendDays`.
  private let trends: [[Float]]
  private let features: FeatureTable
  private let seen: PairSets
  private let eligible: [Bool]

  /// Candidates that each model and the first trend name at most.
  static let candidatesEach = 40
  private static let trendDays = [7.0, 30]

  /// Values of a candidate's row: each model's score and place, their means, the trends, the features.
  let columns: Int

  /// Fits the models to the rows.
  init(_ recipes: [RankingRecipe], train: Observations, seed: UInt64) throws(LearningError) {
    var fits: [@Sendable (Int) -> [Float]?] = []
    for recipe in recipes { fits.append(try recipe.fitPersonal(train, seed: seed)) }
    self.fits = fits
    trends = Self.trendDays.map { RankingRecipe.trend(train, days: $0) }
    features = FeatureTable(train.history(), traits: .none(customers: train.users, products: train.items))
    seen = train.pairs()
    var owned = [Bool](repeating: false, count: train.items)
    for item in train.item { owned[Int(item)] = true }
    eligible = owned
    columns = 2 * fits.count + 2 + trends.count + FeatureTable.names.count
  }

  /// What the models say of one user.
  struct Candidates: Sendable {
    /// Items, ascending.
    let items: [Int32]
    /// [items × columns].
    let rows: [Float]
    /// Mean over the models of each item's standardised score, [all items]; the first trend where the user has no rows.
    let means: [Float]
  }

  /// The candidates of a user: the union of what each model and the first trend put first.
  func candidates(for user: Int) -> Candidates {
    var top = TopProducts(length: Self.candidatesEach, eligible: eligible)
    let scores = fits.compactMap { fit in
      fit(user).map { scores in
        var scores = scores
        RankingRecipe.standardise(&scores)
        return scores
      }
    }
    let places = (scores + [trends[0]]).map { scores in
      let list = top.select(scores, excluding: seen[user]).map(\.product)
      return Dictionary(uniqueKeysWithValues: list.enumerated().map { ($1, Float($0)) })
    }
    var means = [Float](repeating: 0, count: eligible.count)
    for scores in scores {
      for item in means.indices { means[item] += scores[item] / Float(scores.count) }
    }
    let items = Set(places.flatMap(\.keys)).sorted()
    var rows: [Float] = []
    rows.reserveCapacity(items.count * columns)
    for item in items {
      let (item, absent) = (Int(item), Float(Self.candidatesEach))
      for index in fits.indices {
        rows.append(scores.isEmpty ? .nan : scores[index][item])
        rows.append(scores.isEmpty ? absent : places[index][Int32(item)] ?? absent)
      }
      rows.append(scores.isEmpty ? .nan : means[item])
      rows.append(places.reduce(0) { $0 + ($1[Int32(item)] ?? absent) } / Float(places.count))
      for trend in trends { rows.append(trend[item]) }
      features.append(customer: user, product: item, to: &rows)
    }
    return Candidates(items: items, rows: rows, means: scores.isEmpty ? trends[0] : means)
  }
}

extension Observations {
  /// The rows as purchases, up to the latest.
  func history() -> History {
    let rows = (0..<count).map { row in
      Interactions.Row(
        customer: user[row], product: item[row], kind: .purchase, time: Self.microseconds(time[row]),
        revenue: Self.clamped(value[row] * 100))
    }
    return Interactions(customers: users, products: items, rows: rows)
      .history(through: Self.microseconds(latest))
  }

  private static func microseconds(_ seconds: Double) -> Int64 { clamped(seconds * 1e6) }

  /// Far enough inside Int64 that the difference of two does not overflow.
  private static func clamped(_ value: Double) -> Int64 { Int64(max(-0x1p60, min(0x1p60, value))) }
}
