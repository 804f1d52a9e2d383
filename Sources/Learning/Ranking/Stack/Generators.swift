import Foundation

/// Fitted models that each name candidates for a user, and what is known of every candidate.
struct Generators: Sendable {
  /// Scores of all items for a user, by model; nil = the model knows nothing of the user.
  private let models: [@Sendable (Int) -> [Float]?]
  /// Logarithms of shares of what sells, over the days of `trendDays`.
  private let trends: [[Float]]
  private let features: FeatureTable
  private let seen: PairSets
  private let eligible: [Bool]
  /// Candidates that each model and the first trend name at most.
  private let candidatesEach: Int

  /// Days that the trends are taken over.
  static let trendDays = [7.0, 30]

  /// Values of a candidate's row: each model's score and place, their means, the trends, the features.
  static func columns(models: Int) -> Int { 2 * models + 2 + trendDays.count + FeatureTable.names.count }

  var columns: Int { Self.columns(models: models.count) }

  /// Puts together what one moment's candidates are made of.
  init(
    models: [@Sendable (Int) -> [Float]?], trends: [[Float]], features: FeatureTable, seen: PairSets, eligible: [Bool],
    candidatesEach: Int
  ) {
    precondition(trends.count == Self.trendDays.count, "a trend for each number of days")
    (self.models, self.trends, self.features, self.seen, self.eligible) = (models, trends, features, seen, eligible)
    self.candidatesEach = candidatesEach
  }

  /// What the models say of one user.
  struct Candidates: Sendable {
    /// Items, ascending.
    let items: [Int32]
    /// [items × columns].
    let rows: [Float]
    /// Mean over the models of each item's standardised score, [all items]; the first trend where a model knows nothing of the user.
    let means: [Float]
    /// Whether the models know the user.
    let isKnown: Bool
    /// Best mean of the items that might have been candidates and are none.
    let bestOther: Float
  }

  /// The candidates of a user: the union of what each model and the first trend put first.
  ///
  /// - Parameter listsSeen: whatever the user has already is a candidate too; else none of it is.
  func candidates(for user: Int, listsSeen: Bool = false) -> Candidates {
    let items = eligible.count
    var scores = models.compactMap { $0(user) }
    let isKnown = scores.count == models.count
    if !isKnown { scores = [] }
    for index in scores.indices { RankingRecipe.standardise(&scores[index]) }
    var top = TopProducts(length: candidatesEach, eligible: eligible)
    // Places are counted from 0; what a list does not hold stands right behind it.
    let absent = Float(candidatesEach)
    var places = [[Float]](repeating: [Float](repeating: absent, count: items), count: scores.count + 1)
    var isCandidate = [Bool](repeating: false, count: items)
    for (list, scores) in (scores + [trends[0]]).enumerated() {
      for (place, entry) in top.select(scores, excluding: seen[user]).enumerated() {
        places[list][Int(entry.product)] = Float(place)
        isCandidate[Int(entry.product)] = true
      }
    }
    if listsSeen { for item in seen[user] where eligible[Int(item)] { isCandidate[Int(item)] = true } }
    let means = isKnown ? Self.means(scores, items) : trends[0]
    let chosen = (0..<items).filter { isCandidate[$0] }
    var rows: [Float] = []
    rows.reserveCapacity(chosen.count * columns)
    let own = features.customer(user)
    for item in chosen {
      for index in models.indices {
        rows.append(isKnown ? scores[index][item] : .nan)
        rows.append(isKnown ? places[index][item] : absent)
      }
      rows.append(isKnown ? means[item] : .nan)
      rows.append(places.reduce(0) { $0 + $1[item] } / Float(places.count))
      for trend in trends { rows.append(trend[item]) }
      features.append(own, product: item, to: &rows)
    }
    for item in seen[user] { isCandidate[Int(item)] = true }
    var bestOther = -Float.infinity
    for item in 0..<items where eligible[item] && !isCandidate[item] { bestOther = max(bestOther, means[item]) }
    return Candidates(
      items: chosen.map(Int32.init), rows: rows, means: means, isKnown: isKnown, bestOther: bestOther)
  }

  private static func means(_ scores: [[Float]], _ items: Int) -> [Float] {
    var means = [Float](repeating: 0, count: items)
    for scores in scores { for item in 0..<items { means[item] += scores[item] } }
    for item in 0..<items { means[item] /= Float(scores.count) }
    return means
  }
}
