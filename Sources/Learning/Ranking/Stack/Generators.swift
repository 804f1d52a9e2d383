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
    var scores: [[Float]] = []
    for model in models {
      guard var own = model(user) else { break }
      own.standardise()
      scores.append(own)
    }
    let isKnown = scores.count == models.count
    if !isKnown { scores = [] }
    let means = isKnown ? Self.means(scores, items) : trends[0]
    let (chosen, places) = chosen(scores + [trends[0]], for: user, listsSeen: listsSeen)
    let lists = Float(scores.count + 1)
    let own = features.customer(user)
    var rows: [Float] = []
    rows.reserveCapacity(chosen.count * columns)
    for (index, item) in chosen.enumerated() {
      let item = Int(item)
      let places = places[index * (scores.count + 1)..<(index + 1) * (scores.count + 1)]
      for (scores, place) in zip(scores, places) {
        rows.append(scores[item])
        rows.append(place)
      }
      if !isKnown { for _ in models { rows += [.nan, Float(candidatesEach)] } }
      rows.append(isKnown ? means[item] : .nan)
      rows.append(places.reduce(0, +) / lists)
      for trend in trends { rows.append(trend[item]) }
      features.append(own, product: item, to: &rows)
    }
    return Candidates(
      items: chosen, rows: rows, means: means, isKnown: isKnown,
      bestOther: bestOther(means, chosen, seen: seen[user]))
  }

  /// What each list of scores puts first, ascending, and the place of each in every list, counted from 0; what a list does not
  /// hold stands right behind it.
  private func chosen(
    _ lists: [[Float]], for user: Int, listsSeen: Bool
  ) -> (items: [Int32], places: [Float]) {
    var top = TopProducts(length: candidatesEach, eligible: eligible)
    let tops = lists.map { top.select($0, excluding: seen[user]) }
    var isChosen = [Bool](repeating: false, count: eligible.count)
    for entry in tops.joined() { isChosen[Int(entry.product)] = true }
    if listsSeen { for item in seen[user] where eligible[Int(item)] { isChosen[Int(item)] = true } }
    var items: [Int32] = []
    var row = [Int32](repeating: -1, count: eligible.count)
    for item in isChosen.indices where isChosen[item] {
      row[item] = Int32(items.count)
      items.append(Int32(item))
    }
    var places = [Float](repeating: Float(candidatesEach), count: items.count * lists.count)
    for (list, top) in tops.enumerated() {
      for (place, entry) in top.enumerated() {
        places[Int(row[Int(entry.product)]) * lists.count + list] = Float(place)
      }
    }
    return (items, places)
  }

  /// The best mean of what may be listed, is not chosen and was not seen.
  private func bestOther(_ means: [Float], _ chosen: [Int32], seen: ArraySlice<Int32>) -> Float {
    var isOther = eligible
    for item in chosen { isOther[Int(item)] = false }
    for item in seen { isOther[Int(item)] = false }
    return zip(means, isOther).reduce(-.infinity) { $1.1 ? max($0, $1.0) : $0 }
  }

  private static func means(_ scores: [[Float]], _ items: Int) -> [Float] {
    var means = [Float](repeating: 0, count: items)
    for scores in scores { for item in 0..<items { means[item] += scores[item] } }
    for item in 0..<items { means[item] /= Float(scores.count) }
    return means
  }
}
