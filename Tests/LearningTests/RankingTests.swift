import Testing

@testable import Learning

@Suite struct RankingTests {
  /// Two tastes, evenly spread: users take items of their own half, at random.
  static func halves(seed: UInt64) -> (train: Observations, test: Observations) {
    var random = Xoshiro256(seed: seed)
    var (user, item, time): ([Int32], [Int32], [Double]) = ([], [], [])
    for moment in 0..<4000 {
      let who = random.nextIndex(below: 100)
      user.append(Int32(who))
      item.append(Int32(random.nextIndex(below: 20) + who % 2 * 20))
      time.append(Double(moment) * 3600)
    }
    let (train, test) = Observations(
      users: 100, items: 40, user: user, item: item, time: time, value: [Double](repeating: 1, count: user.count)
    ).split(share: 0.5)
    return (train, test)
  }

  @Test("personal models find each user's half, which popularity cannot", arguments: ["knn", "ease", "als"])
  func personal(name: String) throws {
    let (train, test) = Self.halves(seed: 7)
    let family = try #require(RankingRecipe.Family(rawValue: name))
    let fixed: [String: Double] = ["recency": 0, "trend": 0, "trend-days": 7]
    let search = try RankingSearch([family], fixed: fixed, train: train, seed: 1)
    let ours = RankingEvaluation(of: try search.best.fit(train, seed: 1), train: train, test: test)
    let popular = RankingRecipe(family: .popular, options: ["days": 0])
    let theirs = RankingEvaluation(of: try popular.fit(train, seed: 1), train: train, test: test)
    #expect(ours.users == theirs.users)
    #expect(ours.ndcg > 1.5 * theirs.ndcg)
    #expect(ours.recall > 1.5 * theirs.recall)
    #expect(search.best.options["recency"] == 0)
  }

  @Test("a split falls between two times, as near to the share as it can, unless all have one time")
  func splitsBetweenTimes() {
    func parts(_ time: [Double], _ share: Double) -> [[Double]] {
      let rows = Observations(
        users: 1, items: 1, user: time.map { _ in 0 }, item: time.map { _ in 0 }, time: time, value: time)
      let (earlier, later) = rows.split(share: share)
      return [earlier.time, later.time]
    }
    #expect(parts([3, 1, 2, 1, 4], 0.2) == [[1, 1], [2, 3, 4]])
    #expect(parts([1, 2, 2, 2, 2], 0.8) == [[1], [2, 2, 2, 2]])
    #expect(parts([1, 1, 1, 1, 2], 0.4) == [[1, 1, 1, 1], [2]])
    #expect(parts([1, 2, 3, 4], 0.5) == [[1, 2], [3, 4]])
    #expect(parts([5, 5, 5, 5], 0.5) == [[5, 5], [5, 5]])
    #expect(parts([], 0.5) == [[], []])
  }

  @Test("EASE solves its ridge regressions: each column's gradient vanishes off the diagonal")
  func easeStationary() throws {
    let (train, _) = Self.halves(seed: 3)
    let x = train.recency(now: train.latest, days: 30)
    let lambda = 5.0
    let ease = try EASE(x, regularisation: lambda)
    let n = x.columns
    var gram = [[Double]](repeating: [Double](repeating: 0, count: n), count: n)
    for user in 0..<x.rows {
      for a in x.row(user) { for b in x.row(user) { gram[a.column][b.column] += Double(a.value * b.value) } }
    }
    for i in 0..<n {
      for j in 0..<n where i != j {
        let product = (0..<n).reduce(0.0) { $0 + gram[i][$1] * Double(ease.weights[$1 * n + j]) }
        #expect(abs(product + lambda * Double(ease.weights[i * n + j]) - gram[i][j]) < 1e-2)
      }
    }
    for i in 0..<n { #expect(ease.weights[i * n + i] == 0) }
  }

  @Test("EASE is the same whatever the number of items; an odd one ended the process", arguments: [1, 193, 257])
  func easeOrder(items: Int32) throws {
    var random = Xoshiro256(seed: 5)
    let pairs = (0..<4_000).map { _ in (Int32(random.nextIndex(below: 300)), Int32(random.nextIndex(below: Int(items))))
    }
    func interest(columns: Int32) -> SparseMatrix {
      let sets = PairSets(rows: 300, columns: Int(columns), pairs: pairs)
      var builder = SparseMatrix.Builder(rows: 300, columns: Int(columns))
      for row in 0..<300 {
        for column in sets[row] { builder.add(column: column, value: 1) }
        builder.finishRow()
      }
      return builder.build()
    }
    let (odd, even) = (
      try EASE(interest(columns: items), regularisation: 10), try EASE(interest(columns: 512), regularisation: 10)
    )
    for i in 0..<Int(items) {
      for j in 0..<Int(items) {
        #expect(abs(odd.weights[i * odd.items + j] - even.weights[i * even.items + j]) < 1e-5)
      }
    }
  }

  @Test("EASE over more items than its memory holds is refused with the figures")
  func easeTooLarge() throws {
    let (train, _) = Self.halves(seed: 3)
    let x = train.recency(now: train.latest, days: 0)
    #expect(throws: LearningError.self) { try EASE(x, regularisation: 1, maximumBytes: 1000) }
  }

  @Test("the search refuses options that no model has, and values out of range")
  func options() throws {
    let (train, _) = Self.halves(seed: 1)
    #expect(throws: LearningError.self) { try RankingSearch([.ease], fixed: ["lamda": 1], train: train, seed: 1) }
    #expect(throws: LearningError.self) { try RankingSearch([.ease], fixed: ["lambda": -1], train: train, seed: 1) }
  }

  @Test("a user without rows in train gets what sells, and counts among the judged")
  func coldUser() throws {
    let train = Observations(
      users: 3, items: 3, user: [0, 0, 1], item: [0, 1, 1], time: [0, 0, 0], value: [1, 1, 1])
    let test = Observations(users: 3, items: 3, user: [2, 0], item: [1, 1], time: [1, 1], value: [1, 1])
    let recipe = RankingRecipe(
      family: .ease, options: ["lambda": 1, "recency": 0, "trend": 0, "trend-days": 0])
    let evaluation = RankingEvaluation(of: try recipe.fit(train, seed: 1), train: train, test: test)
    #expect(evaluation.users == 1)
    #expect(evaluation.ndcg == 1 && evaluation.recall == 1 && evaluation.hitRate == 1)
    #expect(evaluation.coverage == 1)
  }

  @Test("as many threads as there are change no figure of a search, and the winner is the best of the trials")
  func threads() throws {
    let (train, _) = Self.halves(seed: 5)
    let families: [RankingRecipe.Family] = [.popular, .knn, .ease]
    let fixed: [String: Double] = ["trend": 0]
    let alone = try RankingSearch(families, fixed: fixed, train: train, seed: 1, threads: 1)
    let shared = try RankingSearch(families, fixed: fixed, train: train, seed: 1, threads: 2)
    #expect(alone.best == shared.best)
    #expect(alone.trials.map(\.slices) == shared.trials.map(\.slices))
    #expect(alone.trials.map(\.recipe) == shared.trials.map(\.recipe))
    let judgedFully = alone.trials.filter { $0.slices.count == RankingSearch.slices }
    #expect(judgedFully.map(\.ndcg).max() == judgedFully.first { $0.recipe == alone.best }?.ndcg)
    #expect(Set(judgedFully.map(\.recipe.family)) == Set(families))
    #expect(alone.reason.contains(alone.best.family.rawValue))
  }

  @Test("a search leaves dense algebra the threads that it had")
  func leavesThreads() throws {
    let (train, _) = Self.halves(seed: 5)
    let before = LinearAlgebra.threads
    defer { LinearAlgebra.setThreads(before) }
    LinearAlgebra.setThreads(2)
    _ = try RankingSearch([.popular], fixed: [:], train: train, seed: 1)
    #expect(LinearAlgebra.threads == 2)
    #expect(throws: LearningError.self) { try RankingSearch([.popular], fixed: ["days": -1], train: train, seed: 1) }
    #expect(LinearAlgebra.threads == 2)
  }

  @Test("a stack takes part in the race, and wins only where validation says so")
  func race() throws {
    let (train, _) = Self.halves(seed: 5)
    let fixed: [String: Double] = [
      "trees": 10, "depth": 3, "factors": 4, "iterations": 2, "alpha": 1, "lambda": 10, "recency": 0, "neighbours": 30,
    ]
    let search = try RankingSearch(RankingRecipe.Family.allCases, fixed: fixed, train: train, seed: 1)
    let stacks = search.trials.filter { $0.recipe.family == .stack }
    #expect(!stacks.isEmpty)
    let full = search.trials.filter { $0.slices.count == RankingSearch.slices }
    #expect(full.max { $0.ndcg < $1.ndcg }?.ndcg == full.first { $0.recipe == search.best }?.ndcg)
    let only = try RankingSearch([.stack], fixed: fixed, train: train, seed: 1)
    #expect(only.best.family == .stack)
    #expect(only.best.options["als.factors"] == 4)
  }

  @Test("without time to search, each family's first choice is judged and the best of those wins")
  func noTime() throws {
    let (train, _) = Self.halves(seed: 5)
    let search = try RankingSearch([.popular, .ease], fixed: [:], train: train, seed: 1, mayContinue: { false })
    #expect(search.trials.allSatisfy { $0.slices.count == 1 })
    #expect(Set(search.trials.map(\.recipe.family)) == [.popular, .ease])
    #expect(search.best.family == .ease)
  }

  @Test("slices follow each other back in time, and no fit sees its own")
  func slices() {
    let (train, _) = Self.halves(seed: 2)
    let slices = ValidationSlice.last(3, of: train)
    #expect(slices.map(\.fitted.count) == [1600, 1280, 1024])
    for slice in slices {
      let seen = slice.fitted.pairs()
      for (user, relevant) in zip(slice.users, slice.relevant) {
        #expect(!relevant.isEmpty)
        for item in relevant { #expect(!seen.contains(item, in: user)) }
      }
    }
  }

  @Test(
    "next to nothing to learn from gives figures or NaN, never a crash",
    arguments: RankingRecipe.Family.allCases, [0, 1, 2, 3, 4, 5])
  func degenerate(family: RankingRecipe.Family, number: Int) throws {
    let cases: [(train: [(Int32, Int32, Double)], test: [(Int32, Int32)], judged: Int)] = [
      ([(0, 0, 0)], [(0, 0)], 0),  // One user, one item, nothing new.
      ([(0, 0, 0)], [(1, 0)], 1),  // A user without rows, one item.
      ([(0, 0, 0), (1, 1, 5)], [(2, 0), (3, 1)], 2),  // All users cold.
      ([(0, 0, 0), (0, 1, 0), (1, 0, 0)], [(0, 0)], 0),  // Nothing relevant; no time passes.
      ([(0, 0, -1e300), (1, 1, 1e300), (0, 2, 0)], [(1, 0)], 1),  // Times beyond all reason.
      ((0..<30).map { (Int32($0 % 3), 0, Double($0)) }, [(0, 1)], 1),  // One item over and over, then one never seen.
    ]
    let (rows, asked, judged) = cases[number]
    func observations(_ rows: [(Int32, Int32, Double)]) -> Observations {
      Observations(
        users: 4, items: 3, user: rows.map(\.0), item: rows.map(\.1), time: rows.map(\.2), value: rows.map { _ in 1 })
    }
    let train = observations(rows)
    let search = try RankingSearch([family], fixed: [:], train: train, seed: 1)
    let scores = try search.best.fit(train, seed: 1)
    let evaluation = RankingEvaluation(of: scores, train: train, test: observations(asked.map { ($0, $1, 1e301) }))
    #expect(search.best.family == family)
    #expect(evaluation.users == judged)
    #expect(judged == 0 ? evaluation.ndcg.isNaN : evaluation.ndcg.isFinite)
    #expect(!search.reason.isEmpty)
  }
}
