import Foundation
import Testing

@testable import Learning

@Suite struct StackTests {
  private static let settings = BoostedTrees.Settings(
    trees: 40, depth: 3, learningRate: 0.3, isPairwise: false)

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
    let settings = BoostedTrees.Settings(trees: 40, depth: 3, learningRate: 0.3, isPairwise: isPairwise)
    let (rows, labels, groups) = Self.examples(seed: 1)
    let trees = try BoostedTrees(rows: rows, columns: 3, labels: labels, groups: groups, settings: settings, seed: 3)
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
        settings: .init(trees: 10, depth: 3, learningRate: 0.3, isPairwise: true), seed: seed)
    }
    #expect(try trees(seed: 5) == trees(seed: 5))
    #expect(try trees(seed: 5) != trees(seed: 6))
  }

  @Test("columns that say the same in every row are not looked at, and the others keep their numbers")
  func constantColumns() throws {
    let (rows, labels, groups) = Self.examples(seed: 1)
    let padded = stride(from: 0, to: rows.count, by: 3).flatMap { start -> [Float] in
      [.nan, 7, rows[start], rows[start + 1], 0]
    }
    func trees(_ rows: [Float], _ columns: Int) throws -> BoostedTrees {
      try BoostedTrees(
        rows: rows, columns: columns, labels: labels, groups: groups, settings: Self.settings, seed: 3)
    }
    let (plain, wide) = (try trees(rows, 3), try trees(padded, 5))
    #expect(Set(wide.nodes.map(\.column)) == [-1, 2, 3])
    #expect(wide.columns == 5 && wide.scores(padded) == plain.scores(rows))
    // Where nothing tells rows apart, all score alike.
    #expect(Set(try trees([Float](repeating: 1, count: labels.count), 1).scores([1, 2, .nan])).count == 1)
  }

  @Test("a label that is no number is refused with XGBoost's words")
  func refused() {
    #expect(throws: LearningError.self) {
      try BoostedTrees(rows: [1, 2], columns: 1, labels: [.nan, 1], groups: [2], settings: Self.settings, seed: 3)
    }
  }

  @Test("growing trees puts no more than the calling thread to work")
  func oneThread() throws {
    func threads() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count }
    let (rows, labels, groups) = Self.examples(seed: 1)
    _ = LinearAlgebra.threads
    let before = try threads()
    // Other threads of the process may come and go; a pool that XGBoost had made would stay.
    let after = try (0..<3).map { (seed: UInt64) in
      _ = try BoostedTrees(
        rows: rows, columns: 3, labels: labels, groups: groups, settings: Self.settings, seed: seed)
      return try threads()
    }
    #expect(after.contains { $0 <= before })
  }

  @Test("trees kept elsewhere answer as they did, and those that lead nowhere are refused")
  func kept() throws {
    let (rows, labels, groups) = Self.examples(seed: 1)
    let grown = try BoostedTrees(
      rows: rows, columns: 3, labels: labels, groups: groups, settings: Self.settings, seed: 3)
    let kept = try BoostedTrees(columns: 3, nodes: grown.nodes, roots: grown.roots)
    #expect(kept == grown && kept.scores(rows) == grown.scores(rows))
    func node(_ column: Int32, _ left: Int32, _ right: Int32, _ missing: Int32, value: Float = 0) -> BoostedTrees.Node {
      BoostedTrees.Node(column: column, value: value, left: left, right: right, missing: missing)
    }
    let leaf = node(-1, 0, 0, 0, value: 2)
    let good = [node(0, 1, 2, 2, value: 5), leaf, node(-1, 0, 0, 0, value: 3)]
    let small = try BoostedTrees(columns: 1, nodes: good + [leaf], roots: [0, 3])
    #expect(small.scores([4, 5, .nan]) == [4, 5, 5])
    #expect(try BoostedTrees(columns: 1, nodes: [], roots: []).scores([1, 2]) == [0, 0])
    let absurd: [([BoostedTrees.Node], [Int32])] = [
      ([node(0, 0, 1, 0), leaf], [0]), ([node(0, 1, 3, 1), leaf, leaf], [0]), ([node(0, -1, 1, 1), leaf], [0]),
      ([node(1, 1, 2, 1), leaf, leaf], [0]), ([node(-2, 1, 2, 1), leaf, leaf], [0]),
      ([node(0, 1, 2, 0), leaf, leaf], [0]), ([node(0, 1, 2, 1, value: .nan), leaf, leaf], [0]),
      (good, []), ([], [0]), (good, [1]), (good, [0, 3]), (good, [0, 0]), (good, [0, -1]),
      // A node of one tree must not lead into another.
      ([node(0, 1, 2, 1), leaf, leaf], [0, 2]),
    ]
    for (nodes, roots) in absurd {
      #expect(throws: LearningError.self) { try BoostedTrees(columns: 1, nodes: nodes, roots: roots) }
    }
    #expect(throws: LearningError.self) { try BoostedTrees(columns: 0, nodes: good, roots: [0]) }
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
