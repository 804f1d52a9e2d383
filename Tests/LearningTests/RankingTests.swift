import Testing

@testable import Learning

@Suite struct RankingTests {
  /// Two tastes, evenly spread: users take items of their own half, at random.
  private static func halves(seed: UInt64) -> (train: Observations, test: Observations) {
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
}
