import COpenBLAS

/// A part of train to judge fits on that have seen only what happened before it.
struct ValidationSlice: Sendable {
  /// The rows before the slice.
  let fitted: Observations
  /// Users who took an item within the slice that they had not before, evenly picked where there are too many.
  let users: [Int]
  /// The new items of each of `users`.
  let relevant: [Set<Int32>]
  private let seen: PairSets
  private let eligible: [Bool]

  /// Users that a slice judges at most: more say little more.
  static let maximumUsers = 2000

  /// The last `count` slices of the rows, the latest first; each ends where the one after it begins.
  ///
  /// Slices in which nobody takes anything new are left out, so there may be none.
  static func last(_ count: Int, of train: Observations) -> [ValidationSlice] {
    var slices: [ValidationSlice] = []
    var rest = train
    for _ in 0..<count {
      let (fitted, judged) = rest.split(share: RankingSearch.fittedShare)
      let slice = ValidationSlice(fitted: fitted, judged: judged)
      if !slice.users.isEmpty { slices.append(slice) }
      rest = fitted
    }
    return slices
  }

  init(fitted: Observations, judged: Observations) {
    let (seen, taken) = (fitted.pairs(), judged.pairs())
    var owned = [Bool](repeating: false, count: fitted.items)
    for item in fitted.item { owned[Int(item)] = true }
    let all = (0..<fitted.users).compactMap { user in
      let new = Set(taken[user].filter { !seen.contains($0, in: user) })
      return new.isEmpty ? nil : (user: user, new: new)
    }
    let stride = max(1, Double(all.count) / Double(Self.maximumUsers))
    let picked = (0..<min(all.count, Self.maximumUsers)).map { all[Int(Double($0) * stride)] }
    self.fitted = fitted
    self.seen = seen
    eligible = owned
    users = picked.map(\.user)
    relevant = picked.map(\.new)
  }

  /// NDCG@10 of recipes that differ in their blend alone, [recipes]: one fit serves them all.
  ///
  /// Where the slice is small and the model one of chance, the mean over several seeds.
  ///
  /// - Parameter workshop: makes stacks, if that is what the recipes are.
  func ndcg(
    _ recipes: [RankingRecipe], seed: UInt64, workshop: StackWorkshop? = nil
  ) throws(LearningError) -> [Double] {
    let family = recipes[0].family
    let isByChance = family == .als || family == .stack
    let seeds = isByChance ? UInt64(SmallSample.seeds(customers: users.count)) : 1
    var sums = [Double](repeating: 0, count: recipes.count)
    for number in 0..<seeds {
      let figures = try judged(recipes, seed: seed &+ number, workshop)
      for index in sums.indices { sums[index] += figures[index] }
    }
    return sums.map { $0 / Double(seeds) }
  }

  private func judged(
    _ recipes: [RankingRecipe], seed: UInt64, _ workshop: StackWorkshop?
  ) throws(LearningError) -> [Double] {
    switch recipes[0].family {
    case .popular:
      let scores = try recipes[0].fit(fitted, seed: seed)
      return mean { [scores($0)] }
    case .stack:
      let workshop = workshop ?? StackWorkshop(recipes[0].stacked)
      let stack = try workshop.stack(of: fitted, seed: seed)
      var stages: [Stack.SecondStage] = []
      for recipe in recipes { stages.append(try stack.learn(recipe.treeSettings)) }
      return mean { user in
        let candidates = stack.candidates(for: user)
        return stages.map { $0.scores(candidates) }
      }
    case .knn, .ease, .als:
      let personal = try recipes[0].fitPersonal(fitted, seed: seed)
      let days = Set(recipes.map { $0["trend-days"] }).sorted()
      let byDays = Dictionary(uniqueKeysWithValues: days.map { ($0, RankingRecipe.trend(fitted, days: $0)) })
      let trends = recipes.compactMap { byDays[$0["trend-days"]] }
      return mean { user in
        guard var scores = personal(user) else { return trends }
        scores.standardise()
        return zip(recipes, trends).map { recipe, trend in
          var blended = scores
          cblas_saxpy(Int32(blended.count), Float(recipe["trend"]), trend, 1, &blended, 1)
          return blended
        }
      }
    }
  }

  /// Mean NDCG@10 over the users of each of several lists of scores.
  private func mean(_ scores: (Int) -> [[Float]]) -> [Double] {
    var top = TopProducts(length: Metrics.listLength, eligible: eligible)
    var sums: [Double] = []
    for (user, relevant) in zip(users, relevant) {
      let lists = scores(user).map { top.select($0, excluding: seen[user]).map(\.product) }
      if sums.isEmpty { sums = lists.map { _ in 0 } }
      for (index, list) in lists.enumerated() { sums[index] += Metrics.ndcg(list, relevant: relevant) }
    }
    return sums.map { $0 / Double(users.count) }
  }
}
