import Testing

@testable import Learning

@Suite struct RatingTests {
  /// Ratings = offset + user + item effect + a product of one factor, with noise of deviation 0.3.
  private static func ratings(seed: UInt64) -> (train: Observations, test: Observations) {
    var random = Xoshiro256(seed: seed)
    let (users, items) = (80, 60)
    let u = (0..<users).map { _ in (random.nextNormal() * 0.4, random.nextNormal()) }
    let i = (0..<items).map { _ in (random.nextNormal() * 0.4, random.nextNormal()) }
    var (user, item, value): ([Int32], [Int32], [Double]) = ([], [], [])
    for _ in 0..<4000 {
      let (a, b) = (random.nextIndex(below: users), random.nextIndex(below: items))
      user.append(Int32(a))
      item.append(Int32(b))
      value.append(3 + u[a].0 + i[b].0 + u[a].1 * i[b].1 + 0.3 * random.nextNormal())
    }
    let (train, test) = Observations(
      users: users, items: items, user: user, item: item, time: (0..<4000).map(Double.init), value: value
    ).split(share: 0.75)
    return (train, test)
  }

  private static func rmse(_ recipe: RatingRecipe, seed: UInt64) throws -> Double {
    let (train, test) = ratings(seed: 11)
    let predictions = try recipe.predictions(
      train: train, asked: test, users: SideInformation(entities: train.users),
      items: SideInformation(entities: train.items), seed: seed)
    return Metrics.rootMeanSquare(zip(predictions, test.value).map { $0 - $1 })
  }

  @Test("the Bayesian machine comes near to the noise, and draws the same for the same seed")
  func machine() throws {
    let recipe = try RatingRecipe(.fm, options: ["factors": 3, "samples": 100, "burn-in": 50])
    let first = try Self.rmse(recipe, seed: 1)
    #expect(first < 0.36)
    #expect(try Self.rmse(recipe, seed: 1) == first)
    #expect(try Self.rmse(recipe, seed: 2) != first)
  }

  @Test("the biased factorisation explains most of what is not noise")
  func biased() throws {
    #expect(try Self.rmse(RatingRecipe(.mf, options: ["lambda": 0.02, "rate": 0.03]), seed: 1) < 0.6)
  }

  @Test("side information tells of users without a rating")
  func coldUsers() throws {
    var random = Xoshiro256(seed: 5)
    var (user, item, value): ([Int32], [Int32], [Double]) = ([], [], [])
    for row in 0..<3000 {
      let who = row % 100
      user.append(Int32(who))
      item.append(Int32(random.nextIndex(below: 30)))
      value.append((who % 2 == 0 ? 4 : 2) + 0.3 * random.nextNormal())
    }
    let all = Observations(
      users: 100, items: 30, user: user, item: item, time: [Double](repeating: 0, count: 3000), value: value)
    let train = all.rows((0..<3000).filter { $0 % 100 < 80 })
    let test = all.rows((0..<3000).filter { $0 % 100 >= 80 })
    let parity = SideInformation(entities: 100, attributes: [(0..<100).map { [(feature: $0 % 2, value: 1)] }])
    let predictions = try RatingRecipe(.fm, options: ["samples": 50, "burn-in": 50]).predictions(
      train: train, asked: test, users: parity, items: SideInformation(entities: 30), seed: 1)
    #expect(Metrics.rootMeanSquare(zip(predictions, test.value).map { $0 - $1 }) < 0.6)
  }

  @Test("whom ratings join are features of both sides, each at 1 / √ of their number")
  func structure() {
    let train = Observations(
      users: 3, items: 2, user: [0, 0, 1, 0], item: [0, 1, 1, 0], time: [0, 0, 0, 0], value: [1, 1, 1, 1])
    let users = SideInformation(entities: 3).adding(rated: train.pairs())
    #expect(users.offsets == [0, 3, 5, 6] && users.feature == [0, 3, 4, 1, 4, 2])
    #expect(users.value == [1, Float(0.5).squareRoot(), Float(0.5).squareRoot(), 1, 1, 1])
    let items = SideInformation(entities: 2).adding(rated: train.pairsByItem())
    #expect(items.feature == [0, 2, 1, 2, 3] && items.group == [0, 0, 1, 1] && items.groups == 2)
  }

  @Test("an option that a model does not have is refused")
  func options() {
    #expect(throws: LearningError.self) { try RatingRecipe(.mf, options: ["samples": 3]) }
    #expect(throws: LearningError.self) { try RatingRecipe(.fm, options: ["factors": 0]) }
    #expect(throws: LearningError.unusableOption("option factors=2.5 must be a whole number")) {
      try RatingRecipe(.fm, options: ["factors": 2.5])
    }
    #expect(throws: LearningError.self) { try RatingRecipe(.mf, options: ["rate": .nan]) }
  }

  @Test("users and items that train lacks get what is known of the others", arguments: RatingRecipe.Family.allCases)
  func strangers(family: RatingRecipe.Family) throws {
    let train = Observations(
      users: 3, items: 3, user: [0, 0, 1, 1], item: [0, 1, 0, 1], time: [0, 0, 0, 0], value: [4, 2, 5, 3])
    let asked = Observations(
      users: 3, items: 3, user: [2, 0, 2], item: [0, 2, 2], time: [0, 0, 0], value: [0, 0, 0])
    let none = SideInformation(entities: 3)
    let predictions = try RatingRecipe(family).predictions(
      train: train, asked: asked, users: none, items: none, seed: 1)
    #expect(predictions.count == 3)
    #expect(predictions.allSatisfy { $0 >= 2 && $0 <= 5 })
    #expect(abs(predictions[2] - 3.5) < 1)
  }

  @Test("the scale that people rate on makes no difference to a factorisation", arguments: [0.01, 1_000.0])
  func scales(unit: Double) throws {
    let (train, test) = Self.ratings(seed: 3)
    let scaled = Observations(
      users: train.users, items: train.items, user: train.user, item: train.item, time: train.time,
      value: train.value.map { $0 * unit + 7 })
    let plain = try BiasedFactorisation(factors: 5, regularisation: 0.1, rate: 0.02, epochs: 10)
      .predictions(train: train, asked: test, seed: 1)
    let other = try BiasedFactorisation(factors: 5, regularisation: 0.1, rate: 0.02, epochs: 10)
      .predictions(train: scaled, asked: test, seed: 1)
    for (one, two) in zip(plain, other) { #expect(abs(one - (two - 7) / unit) < 1e-6) }
  }

  @Test("a cancelled task stops a fit", arguments: RatingRecipe.Family.allCases)
  func cancellation(family: RatingRecipe.Family) async throws {
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try Self.rmse(RatingRecipe(family), seed: 1)
    }
    await #expect(throws: LearningError.cancelled) { try await task.value }
  }

  @Test("the choice judges both families on ratings held back, and takes the better one")
  func search() throws {
    let (train, _) = Self.ratings(seed: 11)
    let (users, items) = (SideInformation(entities: train.users), SideInformation(entities: train.items))
    let search = try RatingSearch(
      RatingRecipe.Family.allCases, fixed: ["factors": 3, "samples": 20, "burn-in": 10], train: train, users: users,
      items: items, seed: 1)
    #expect(search.trials.map(\.recipe.family) == [.mf, .fm])
    #expect(search.best == search.trials.min { $0.rmse < $1.rmse }?.recipe)
    #expect(search.trials.allSatisfy { $0.recipe.options["factors"] == 3 })
    #expect(throws: LearningError.self) {
      try RatingSearch([.mf, .fm], fixed: ["trees": 3], train: train, users: users, items: items, seed: 1)
    }
  }
}
