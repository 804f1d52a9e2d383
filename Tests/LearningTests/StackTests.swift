import Testing

@testable import Learning

@Suite struct StackTests {
  private static let settings = BoostedTrees.Settings(
    trees: 40, depth: 3, learningRate: 0.3, isPairwise: false, seed: 3)

  /// Groups of ten rows, of which the one whose first value is greatest and whose second is known was taken.
  private static func examples(seed: UInt64) -> (rows: [Float], labels: [Float], groups: [UInt32]) {
    var random = Xoshiro256(seed: seed)
    var (rows, labels): ([Float], [Float]) = ([], [])
    for _ in 0..<200 {
      let own = (0..<10).map { _ in [Float(random.nextUnit()), random.nextUnit() < 0.3 ? .nan : 1, 0.5] }
      let known = own.indices.filter { !own[$0][1].isNaN }
      let best = known.max { own[$0][0] < own[$1][0] }
      rows += own.flatMap { $0 }
      labels += own.indices.map { $0 == best ? 1 : 0 }
    }
    return (rows, labels, [UInt32](repeating: 10, count: 200))
  }

  @Test("trees learn what was taken, of values and of their absence", arguments: [false, true])
  func learns(isPairwise: Bool) throws {
    let settings = BoostedTrees.Settings(trees: 40, depth: 3, learningRate: 0.3, isPairwise: isPairwise, seed: 3)
    let (rows, labels, groups) = Self.examples(seed: 1)
    let trees = try BoostedTrees(rows: rows, columns: 3, labels: labels, groups: groups, settings: settings)
    let (asked, truth, _) = Self.examples(seed: 2)
    let scores = trees.scores(asked)
    let right = stride(from: 0, to: truth.count, by: 10).count { start in
      let group = start..<start + 10
      return truth[group.max { scores[$0] < scores[$1] } ?? start] == 1
    }
    #expect(right > 140)
  }

  @Test("the same seed grows the same trees, another seed others")
  func deterministic() throws {
    let (rows, labels, groups) = Self.examples(seed: 1)
    func trees(seed: UInt64) throws -> BoostedTrees {
      try BoostedTrees(
        rows: rows, columns: 3, labels: labels, groups: groups,
        settings: .init(trees: 10, depth: 3, learningRate: 0.3, isPairwise: true, seed: seed))
    }
    #expect(try trees(seed: 5) == trees(seed: 5))
    #expect(try trees(seed: 5) != trees(seed: 6))
  }

  @Test("a label that is no number is refused with XGBoost's words")
  func refused() {
    #expect(throws: LearningError.self) {
      try BoostedTrees(rows: [1, 2], columns: 1, labels: [.nan, 1], groups: [2], settings: Self.settings)
    }
  }

  @Test("a stack ranks what its models name, and everything else after it")
  func ranksAll() throws {
    let (train, test) = RankingTests.halves(seed: 11)
    let models = [
      RankingRecipe(family: .knn, options: ["recency": 0, "bm25": 1, "neighbours": 30, "trend": 0, "trend-days": 7]),
      RankingRecipe(family: .ease, options: ["recency": 0, "lambda": 10, "trend": 0, "trend-days": 7]),
    ]
    let recipe = RankingRecipe(stacking: models, options: ["trees": 20, "depth": 3, "rate": 0.1, "pairwise": 0])
    #expect(recipe.stacked == models)
    let (scores, again) = (try recipe.fit(train, seed: 1), try recipe.fit(train, seed: 1))
    for user in 0..<train.users {
      #expect(scores(user).count == train.items)
      #expect(scores(user).allSatisfy { $0.isFinite })
      #expect(scores(user) == again(user))
    }
    let ours = RankingEvaluation(of: scores, train: train, test: test)
    let popular = RankingRecipe(family: .popular, options: ["days": 0])
    let theirs = RankingEvaluation(of: try popular.fit(train, seed: 1), train: train, test: test)
    #expect(ours.ndcg > 1.3 * theirs.ndcg)
  }
}
