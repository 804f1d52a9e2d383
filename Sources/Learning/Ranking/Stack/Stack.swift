/// A second stage over several models: each names candidates and scores them, boosted trees rank the candidates.
///
/// The trees learn from slices of train, cut by time: the models are fitted before a slice, the labels come from the slice,
/// then the models are fitted to all rows. Source: Covington, Adams, Sargin, "Deep neural networks for YouTube
/// recommendations", RecSys 2016, for the two stages.
struct Stack: Sendable {
  /// Candidates that each model and the trend name at most.
  static let candidatesEach = 40

  /// What trees are learned from and applied to: made once for any number of settings.
  private let examples: StackExamples
  private let serving: Generators
  private let seed: UInt64

  /// Takes up the models as fitted to all rows, and what each slice has taught.
  init(_ serving: Generators, _ examples: [StackExamples], seed: UInt64) {
    (self.serving, self.examples, self.seed) = (serving, examples.joined(), seed)
  }

  /// What ranks a user's candidates.
  struct SecondStage: Sendable {
    /// Nil where no slice held a candidate that was taken: the models' mean score ranks.
    fileprivate let trees: BoostedTrees?

    /// The scores of all items, [items].
    func scores(_ candidates: Generators.Candidates) -> [Float] {
      guard let trees else { return candidates.means }
      let scores = trees.scores(candidates.rows)
      // Whatever is no candidate comes after all that are, by the models' mean.
      let lowest = (scores.min() ?? 0) - 2
      var all = candidates.means.map { lowest + $0 / (1 + abs($0)) }
      for (item, score) in zip(candidates.items, scores) { all[Int(item)] = score }
      return all
    }
  }

  /// Learns the trees.
  func learn(_ settings: BoostedTrees.Settings) throws(LearningError) -> SecondStage {
    SecondStage(trees: try examples.trees(columns: serving.columns, settings, seed: seed))
  }

  /// The candidates of a user, for any second stage.
  func candidates(for user: Int) -> Generators.Candidates { serving.candidates(for: user) }
}

extension Generators {
  /// Fits the models to the rows.
  init(_ recipes: [RankingRecipe], train: Observations, seed: UInt64) throws(LearningError) {
    var models: [@Sendable (Int) -> [Float]?] = []
    for recipe in recipes { models.append(try recipe.fitPersonal(train, seed: seed)) }
    var owned = [Bool](repeating: false, count: train.items)
    for item in train.item { owned[Int(item)] = true }
    self.init(
      models: models, trends: Self.trendDays.map { RankingRecipe.trend(train, days: $0) },
      features: FeatureTable(train.history(), traits: .none(customers: train.users, products: train.items)),
      seen: train.pairs(), eligible: owned, candidatesEach: Stack.candidatesEach)
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
