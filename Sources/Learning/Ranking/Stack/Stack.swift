/// A second stage over several models: each names candidates and scores them, boosted trees rank the candidates.
///
/// The trees learn from slices of train, cut by time: the models are fitted before a slice, the labels come from the slice,
/// then the models are fitted to all rows. Source: Covington, Adams, Sargin, "Deep neural networks for YouTube
/// recommendations", RecSys 2016, for the two stages.
struct Stack: Sendable {
  /// Slices that the trees learn from.
  private static let slices = 2
  /// Candidates that were not taken that the trees see of each user at most.
  private static let negatives = 40

  /// What trees are learned from and applied to: made once for any number of settings.
  private let examples: Examples
  private let serving: Generators
  private let seed: UInt64

  private struct Examples: Sendable {
    var rows: [Float] = []
    var labels: [Float] = []
    var groups: [UInt32] = []
  }

  /// Fits the models, before each slice and to all rows.
  init(_ recipes: [RankingRecipe], train: Observations, seed: UInt64) throws(LearningError) {
    precondition(!recipes.isEmpty, "a stack needs a model to stack on")
    var examples = Examples()
    var random = Xoshiro256(seed: seed)
    for slice in ValidationSlice.last(Self.slices, of: train) {
      let generators = try Generators(recipes, train: slice.fitted, seed: seed)
      for (user, relevant) in zip(slice.users, slice.relevant) {
        Self.add(generators.candidates(for: user), generators.columns, relevant, to: &examples, &random)
      }
    }
    self.examples = examples
    self.seed = seed
    serving = try Generators(recipes, train: train, seed: seed)
  }

  /// Learns the trees; the scores of all items for a user, [items], are asked of what it answers.
  ///
  /// Where no slice held a candidate that was taken, the models' mean score ranks.
  func learn(_ settings: BoostedTrees.Settings) throws(LearningError) -> @Sendable (Int) -> [Float] {
    let serving = serving
    guard !examples.labels.isEmpty else { return { serving.candidates(for: $0).means } }
    let trees = try BoostedTrees(
      rows: examples.rows, columns: serving.columns, labels: examples.labels, groups: examples.groups,
      settings: settings)
    return { user in
      let candidates = serving.candidates(for: user)
      let scores = trees.scores(candidates.rows)
      // Whatever is no candidate comes after all that are, by the models' mean.
      let lowest = (scores.min() ?? 0) - 2
      var all = candidates.means.map { lowest + $0 / (1 + abs($0)) }
      for (item, score) in zip(candidates.items, scores) { all[Int(item)] = score }
      return all
    }
  }

  /// Adds a user's candidates that were taken, and some that were not.
  private static func add(
    _ candidates: Generators.Candidates, _ columns: Int, _ relevant: Set<Int32>, to examples: inout Examples,
    _ random: inout Xoshiro256
  ) {
    let taken = candidates.items.indices.filter { relevant.contains(candidates.items[$0]) }
    guard !taken.isEmpty else { return }
    let others = candidates.items.indices.filter { !relevant.contains(candidates.items[$0]) }
    let chosen = taken + random.shuffled(others).prefix(negatives).sorted()
    for index in chosen { examples.rows += candidates.rows[index * columns..<(index + 1) * columns] }
    examples.labels += taken.map { _ in 1 } + [Float](repeating: 0, count: chosen.count - taken.count)
    examples.groups.append(UInt32(chosen.count))
  }
}
