import Testing

@testable import Learning

@Suite struct JudgingTests {
  private let interactions = Shop.interactions()
  private let cuts = Cuts(asOf: 110 * Shop.day, horizonDays: 28)
  private var segments: CustomerSegments { .none(customers: interactions.customers) }

  private func rows(_ window: Window, eligible: [Bool]? = nil, seed: UInt64 = 9) -> JudgingRows {
    JudgingRows(
      of: interactions, window: window, eligible: eligible ?? Shop.everything(interactions), seed: seed)
  }

  @Test("rows are first purchases within the window, and as many products never bought")
  func rowsAsDefined() {
    let eligible = (0..<interactions.products).map { $0 % 5 != 0 }
    let rows = rows(cuts.judgingWindow, eligible: eligible)
    #expect(rows.customers.count > 25)
    for judged in rows.customers {
      var first: [Int32: Int64] = [:]
      for row in 0..<interactions.count where interactions.kind[row] == .purchase {
        guard interactions.customer[row] == judged.customer, interactions.time[row] <= cuts.served else { continue }
        first[interactions.product[row]] = min(first[interactions.product[row]] ?? .max, interactions.time[row])
      }
      #expect(first.values.contains { $0 <= cuts.judged })
      #expect(judged.bought == first.filter { $0.value > cuts.judged }.keys.sorted())
      #expect(judged.unbought.allSatisfy { first[$0] == nil && eligible[Int($0)] })
      #expect(Set(judged.unbought).count == judged.unbought.count)
      let unseen = eligible.indices.count { eligible[$0] && first[Int32($0)] == nil }
      #expect(judged.unbought.count == min(judged.bought.count, unseen))
    }
    #expect(rows.count == rows.customers.reduce(0) { $0 + $1.bought.count + $1.unbought.count })
  }

  @Test("the same seed draws the same rows, another seed others")
  func seeded() {
    func drawn(_ seed: UInt64) -> [[Int32]] { rows(cuts.judgingWindow, seed: seed).customers.map(\.unbought) }
    #expect(drawn(1) == drawn(1))
    #expect(drawn(1) != drawn(2))
  }

  @Test("half of the products never bought are drawn by popularity")
  func popularHalf() {
    // 1,000 customers, 100 products, one of which everybody else bought: it is drawn for the popular half only.
    var history: [Interactions.Row] = []
    for customer in Int32(0)..<1_000 {
      history.append(.init(customer: customer, product: customer % 2, kind: .purchase, time: 0))
      history.append(.init(customer: customer, product: 2, kind: .purchase, time: 2))
    }
    let shop = Interactions(customers: 1_000, products: 100, rows: history)
    let rows = JudgingRows(
      of: shop, window: Window(after: 1, through: 2), eligible: Shop.everything(shop), seed: 1)
    let popular = rows.customers.count { judged in judged.unbought == [Int32(1 - judged.customer % 2)] }
    #expect(abs(popular - 505) < 60)
  }

  @Test("ratings are rows too: at or above the tenant's mean a liking, below it a value of 0 before anything drawn")
  func ratings() {
    func rated(_ customer: Int32, _ product: Int32, _ rating: Double, day: Int64) -> Interactions.Row {
      .init(customer: customer, product: product, kind: .rating, time: day * Shop.day, rating: rating)
    }
    // The mean before the window is 3.
    let shop = Interactions(
      customers: 3, products: 10,
      rows: [
        rated(0, 0, 5, day: 1), rated(1, 0, 1, day: 1), rated(0, 1, 3, day: 6), rated(0, 2, 2.9, day: 6),
        rated(0, 3, 5, day: 7), rated(1, 4, 1, day: 7), rated(2, 5, 5, day: 7), rated(0, 0, 1, day: 8),
      ])
    let rows = JudgingRows(
      of: shop, window: Window(after: 5 * Shop.day, through: 9 * Shop.day), eligible: Shop.everything(shop), seed: 1)
    // Customer 1 liked nothing, customer 2 is new.
    #expect(rows.customers.map(\.customer) == [0])
    #expect(rows.customers[0].bought == [1, 3])
    let unbought = rows.customers[0].unbought
    #expect(unbought.count == 2 && unbought.contains(2) && unbought.allSatisfy { ![0, 1, 3].contains($0) })
    #expect(Array(rows.boughtBefore[1]) == [0])
    let popularity = Popularity(
      shop.history(through: 5 * Shop.day), segments: .none(customers: 3), halfLifeDays: 7)
    #expect(popularity.overall[0] > popularity.overall[1])
  }

  @Test("a fit that has seen a judged row is refused, whichever way it has seen it")
  func leak() throws {
    let rows = rows(cuts.judgingWindow)
    let clean = interactions.history(through: cuts.judged)
    let leaking = interactions.history(through: cuts.judged + 1)
    for recipe in Recipe.personal + [.popularity] {
      let fit = try recipe.fit(Study(clean, segments: segments), seed: 1)
      let scorer = Scorer(fit, recipe: recipe, study: Study(clean, segments: segments))
      _ = try Judgement(of: scorer, calibration: .uninformed, on: rows)
      let expected = LearningError.hasSeenJudgingRows(scorerCut: cuts.judged + 1, windowStart: cuts.judged)
      let lateFit = Scorer(
        try recipe.fit(Study(leaking, segments: segments), seed: 1), recipe: recipe,
        study: Study(clean, segments: segments))
      #expect(throws: expected) { try Judgement(of: lateFit, calibration: .uninformed, on: rows) }
      #expect(throws: expected) { try Calibration(of: lateFit, on: rows) }
      let lateHistory = Scorer(fit, recipe: recipe, study: Study(leaking, segments: segments))
      #expect(throws: expected) { try Judgement(of: lateHistory, calibration: .uninformed, on: rows) }
    }
  }

  @Test("what happened after a cut changes nothing in the fits before it", arguments: Recipe.personal)
  func future(recipe: Recipe) throws {
    let calibrationRows = rows(cuts.calibrationWindow)
    let shortened = Interactions(
      customers: interactions.customers, products: interactions.products,
      rows: (0..<interactions.count).filter { interactions.time[$0] <= cuts.judged }.map {
        .init(
          customer: interactions.customer[$0], product: interactions.product[$0], kind: interactions.kind[$0],
          time: interactions.time[$0], quantity: interactions.quantity[$0])
      })
    let whole = try TrainedModel.trained(
      recipe, on: interactions, segments: segments, cuts: cuts, calibrationRows: calibrationRows)
    let cut = try TrainedModel.trained(
      recipe, on: shortened, segments: segments, cuts: cuts, calibrationRows: calibrationRows)
    #expect(whole.judged == cut.judged)
    #expect(whole.served != cut.served)
    #expect(whole.judged.fit.cut == cuts.judged && whole.served.cut == cuts.served)
  }

  @Test(
    "taste that popularity cannot see makes every personal kind better on the same rows", arguments: Recipe.personal)
  func beatsPopularity(recipe: Recipe) throws {
    let shop = Shop.interactions(customers: 300, products: 200, seed: 2)
    let segments = CustomerSegments.none(customers: 300)
    func rows(_ window: Window) -> JudgingRows {
      JudgingRows(of: shop, window: window, eligible: Shop.everything(shop), seed: 9)
    }
    let judged = try [recipe, .popularity].map { recipe in
      try TrainedModel.trained(
        recipe, on: shop, segments: segments, cuts: cuts, calibrationRows: rows(cuts.calibrationWindow)
      ).judgement(on: rows(cuts.judgingWindow), of: shop, segments: segments)
    }
    #expect(judged[0].rmse < judged[1].rmse)
    #expect(judged[0].ndcgAt10 > judged[1].ndcgAt10)
    let bootstrap = Bootstrap(seed: 4)
    #expect(PairedDifference(first: judged[0].squaredErrors, second: judged[1].squaredErrors, bootstrap).high < 0)
    #expect(PairedDifference(first: judged[0].ndcgs, second: judged[1].ndcgs, bootstrap).low > 0)
  }

  @Test("a tenant without anything is judged on no rows, without a crash", arguments: [0, 3])
  func empty(products: Int) throws {
    let shop = Interactions(customers: 2, products: products, rows: [])
    let rows = JudgingRows(of: shop, window: cuts.judgingWindow, eligible: Shop.everything(shop), seed: 1)
    for recipe in Recipe.personal + [.popularity] {
      let model = try TrainedModel.trained(
        recipe, on: shop, segments: .none(customers: 2), cuts: cuts, calibrationRows: rows)
      let judgement = try model.judgement(on: rows, of: shop, segments: .none(customers: 2))
      #expect(judgement.rmse == 0 && judgement.squaredErrors.isEmpty)
    }
  }
}
