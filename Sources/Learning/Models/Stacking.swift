import Foundation

/// A second stage over other recipes: each names candidates, boosted trees rank them by the recipes' scores and the features.
///
/// The trees learn from the last `sliceDays` of the history: candidates and features are those of the moment before, labels
/// what was bought within. Then the recipes are fitted to all of the history.
public struct Stacking: Hashable, Sendable {
  /// Recipes that name candidates, the best first; none of them is a stack.
  public let generators: [Recipe]
  /// How the trees are grown.
  public let trees: BoostedTrees.Settings
  /// Days of the slice that the trees learn from.
  public let sliceDays: Int

  /// Acts of a history at most: features and matrices of several cuts are held at once.
  public static let maximumActs = 10_000_000
  /// Customers that the trees learn from at most, evenly picked: more cost more than they tell.
  static let maximumCustomers = 400
  /// Candidates that each generator and the trend name at most.
  static let candidatesEach = 20
  /// Candidates that were not bought that the trees see of each customer at most.
  static let negatives = 20

  /// A stack on at least one recipe.
  public init(generators: [Recipe], trees: BoostedTrees.Settings, sliceDays: Int) {
    precondition(!generators.isEmpty && sliceDays > 0, "a stack needs something to stand on and to learn from")
    precondition(generators.allSatisfy { $0.stacking == nil }, "a stack does not stand on stacks")
    self.generators = generators
    self.trees = trees
    self.sliceDays = sliceDays
  }

  /// Learns from a history, and from nothing after its cut: the trees, nil where nobody took a candidate, and each generator.
  ///
  /// Throws `tooLarge` for a history beyond `maximumActs`, and as the generators do.
  func fit(_ study: Study, seed: UInt64) throws(LearningError) -> (trees: BoostedTrees?, generators: [Fit]) {
    guard study.history.count <= Self.maximumActs else {
      throw .tooLarge("a stack over \(study.history.count) acts; its limit is \(Self.maximumActs)")
    }
    let trees = try examples(study, seed: seed).trees(
      columns: Generators.columns(models: generators.count), trees, seed: seed)
    var fits: [Fit] = []
    for recipe in generators { fits.append(try study.fit(recipe, seed: seed)) }
    return (trees, fits)
  }

  /// The candidates of customers who bought something new within the slice.
  func examples(_ study: Study, seed: UInt64) throws(LearningError) -> StackExamples {
    let before = study.earlier(days: sliceDays)
    let rows = JudgingRows(of: study.history, after: before.history.cut, eligible: before.eligible, seed: seed)
    let stride = max(1, Double(rows.customers.count) / Double(Self.maximumCustomers))
    let picked = (0..<min(rows.customers.count, Self.maximumCustomers)).map {
      rows.customers[Int(Double($0) * stride)]
    }
    var isAsked = [Bool](repeating: false, count: study.history.customers)
    for judged in picked { isAsked[judged.customer] = true }
    var fits: [Fit] = []
    for recipe in generators { fits.append(try before.fit(recipe, seed: seed)) }
    let stage = Generators(generators, fits, before, of: isAsked)
    var examples = StackExamples()
    var random = Xoshiro256(seed: seed)
    for judged in picked {
      if Task.isCancelled { throw .cancelled }
      examples.add(
        stage.candidates(for: judged.customer), columns: stage.columns, relevant: Set(judged.bought),
        negatives: Self.negatives, &random)
    }
    return examples
  }
}

extension Generators {
  /// A night's recipes with their fits, applied to a history.
  init(_ recipes: [Recipe], _ fits: [Fit], _ study: Study, of customers: [Bool]?) {
    self.init(
      scorers: zip(recipes, fits).map { Scorer($1, recipe: $0, study: study, of: customers) }, study)
  }

  init(scorers: [Scorer], _ study: Study) {
    self.init(
      models: scorers.map { scorer in { scorer.personalScores(of: $0) } },
      trends: Self.trendDays.map { study.popularity(halfLifeDays: $0).logShares() },
      features: study.features, seen: study.seen, eligible: study.eligible,
      candidatesEach: Stacking.candidatesEach)
  }
}

extension Generators.Candidates {
  /// Scores of all items: everything by the models' mean, candidates above whatever might have been one and is none, by
  /// ln(1 + odds) of what the trees give them.
  ///
  /// So log odds far below 0 hardly raise a candidate and high ones count in full: on the scale of one calibration both parts
  /// tell what they know.
  func scores(by trees: BoostedTrees?) -> [Float] {
    guard let trees else { return means }
    let floor = bestOther.isFinite ? bestOther : 0
    var scores = means.map { min($0, floor) }
    for (item, logOdds) in zip(items, trees.scores(rows)) {
      scores[Int(item)] = floor + max(0, logOdds) + log1p(exp(-abs(logOdds)))
    }
    return scores
  }
}
