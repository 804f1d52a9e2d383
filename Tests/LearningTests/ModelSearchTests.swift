import Testing

@testable import Learning

@Suite struct ModelSearchTests {
  private let interactions = Shop.interactions(customers: 400, products: 60, seed: 5)
  private let cuts = Cuts(asOf: 110 * Shop.day, horizonDays: 28)
  private var study: Study {
    Study(interactions.history(through: cuts.validation), segments: .none(customers: interactions.customers))
  }
  private var slice: ValidationRows {
    ValidationRows(
      of: interactions, window: cuts.calibrationWindow, eligible: Shop.everything(interactions), seed: 9)
  }

  private func search(
    _ recipes: [Recipe] = Recipe.nightly, on study: Study? = nil, slice: ValidationRows? = nil,
    trees: BoostedTrees.Settings? = Recipe.nightlyTrees, budget: Double = .infinity
  ) throws -> ModelSearch {
    try ModelSearch(
      recipes, stackedBy: trees, on: study ?? self.study, slice: slice ?? self.slice, budget: budget, seed: 1)
  }

  @Test("every family is tried, and the winner has the best NDCG@10 of those near the least RMSE with every customer")
  func winner() throws {
    let search = try search()
    #expect(Set(search.trials.map(\.recipe.name)) == ["als", "knn", "ease", "stack"])
    #expect(Set(search.trials.map(\.recipe).filter { $0.stacking == nil }) == Set(Recipe.nightly))
    #expect(search.leftOut.isEmpty)
    let final = search.trials.filter { $0.share == 1 }
    let least = try #require(final.map(\.rmse).min())
    let best = try #require(
      final.filter { $0.rmse <= least * (1 + ModelSearch.rmseMargin) }.max { $0.ndcgAt10 < $1.ndcgAt10 })
    #expect(search.winner == best.recipe && search.calibration == best.calibration)
    #expect(search.explanation.contains("\(best.recipe)"))
    let again = try self.search()
    #expect(again.winner == search.winner && again.calibration == search.calibration)
  }

  @Test("the winner's calibration is the one that its full fit would get")
  func calibration() throws {
    let search = try search()
    let winner = try #require(search.winner)
    let scorer = Scorer(try winner.fit(study, seed: 1), recipe: winner, study: study)
    let expected = try Calibration(of: scorer, on: slice.first)
    #expect(abs(search.calibration.slope - expected.slope) < 1e-6)
    #expect(abs(search.calibration.intercept - expected.intercept) < 1e-6)
  }

  @Test("what the budget has no room for is left out, the dearest first, and the likeliest is always tried")
  func budget() throws {
    let reckoning = TrialWork(study, slice)
    let all = Recipe.nightly.map { reckoning.of($0, share: 1) }
    #expect(all.allSatisfy { $0 > 0 && $0.isFinite })
    let search = try search(budget: 0)
    #expect(search.winner == .als && search.trials.count == 1)
    #expect(search.leftOut.count == Recipe.nightly.count - 1)
    #expect(search.explanation.contains("exceed the budget"))
  }

  @Test("a catalogue beyond the memory of a kind leaves the kind out")
  func memory() throws {
    let wide = Interactions(
      customers: 3, products: 12_000,
      rows: (0..<30).map { .init(customer: $0 % 3, product: $0 * 7, kind: .purchase, time: Int64($0) * Shop.day) })
    let study = Study(wide.history(through: 100 * Shop.day), segments: .none(customers: 3))
    #expect(throws: LearningError.self) { try Recipe.ease.fit(study, seed: 1) }
    let slice = ValidationRows(
      of: wide, window: Window(after: 100 * Shop.day, through: 101 * Shop.day), eligible: Shop.everything(wide), seed: 1
    )
    let search = try search([.als, .ease], on: study, slice: slice, trees: nil)
    #expect(search.winner == .als)
    #expect(search.leftOut.map(\.recipe) == [.ease] && search.leftOut[0].reason.contains("MiB"))
  }

  @Test("a recipe that cannot be fitted is left out, and costs the tenant none of the others")
  func unfit() throws {
    let twins = Interactions(
      customers: 4, products: 2,
      rows: (0..<8).map { .init(customer: $0 / 2, product: $0 % 2, kind: .purchase, time: Int64(Shop.day)) })
    let study = Study(twins.history(through: 100 * Shop.day), segments: .none(customers: 4))
    let singular = Recipe(
      kind: .similarity(
        ItemSimilarity(.ease(regularisation: 1e-12), neighbours: 2), halfLifeDays: 0, trendWeight: 1),
      trendHalfLifeDays: 7)
    #expect(throws: LearningError.self) { try singular.fit(study, seed: 1) }
    let slice = ValidationRows(
      of: twins, window: Window(after: 100 * Shop.day, through: 101 * Shop.day), eligible: Shop.everything(twins),
      seed: 1)
    let search = try search([.als, singular], on: study, slice: slice, trees: nil)
    #expect(search.winner == .als)
    #expect(search.leftOut.map(\.recipe) == [singular] && search.leftOut[0].reason.contains("positive definite"))
  }

  @Test("a first round has enough judged customers, and a quarter goes on with four times the share")
  func schedule() {
    var small = HalvingSchedule(7, judged: 599, budget: 1) { _, _ in 0 }
    #expect(small.kept == Array(0..<7) && small.share == 1)
    small = HalvingSchedule(7, judged: 600, budget: 1) { _, _ in 0 }
    #expect(small.share == 0.25)
    small.advance(survivors: 7)
    #expect(small.survivors == 2 && small.share == 1)
    var large = HalvingSchedule(7, judged: 1_000_000, budget: 1) { _, _ in 0 }
    #expect(large.share == 1 / 16.0)
    large.advance(survivors: 7)
    large.advance(survivors: 2)
    #expect(large.survivors == 1 && large.share == 1)
    // 0.25 × (1 + 8 + 1) and half of the same in full: the dearest has to go.
    let tight = HalvingSchedule(3, judged: 600, budget: 3) { recipe, share in [1, 8, 1][recipe] * share }
    #expect(tight.kept == [0, 2] && tight.dropped == [1])
    let none = HalvingSchedule(3, judged: 600, budget: 0) { _, share in share }
    #expect(none.kept == [0] && none.share == 1)
  }

  @Test("the finale is given up before a recipe that is cheaper, and after one that is dearer")
  func finale() {
    func schedule(budget: Double) -> HalvingSchedule {
      HalvingSchedule(
        3, judged: 10, budget: budget, finale: { Double($0.count) }, work: { recipe, _ in [1, 5, 2][recipe] })
    }
    #expect(schedule(budget: 11).hasFinale && schedule(budget: 11).kept == [0, 1, 2])
    // Without the dearest recipe the finale is smaller too.
    #expect(schedule(budget: 10).hasFinale && schedule(budget: 10).kept == [0, 2])
    #expect(!schedule(budget: 4).hasFinale && schedule(budget: 4).kept == [0, 2])
    #expect(!schedule(budget: 0).hasFinale && schedule(budget: 0).kept == [0])
    #expect(!HalvingSchedule(3, judged: 10, budget: .infinity) { _, _ in 1 }.hasFinale)
  }

  @Test("in the last round a stack on the best of each family joins, the best first")
  func stack() throws {
    let search = try search()
    let stack = try #require(search.trials.compactMap { $0.recipe.stacking }.first)
    #expect(Set(stack.generators.map(\.name)) == ["als", "knn", "ease"] && stack.sliceDays == 28)
    let singles = ModelSearch.ranked(search.trials.filter { $0.share == 1 && $0.recipe.stacking == nil })
    #expect(stack.generators.first == singles.first?.recipe)
    for generator in stack.generators {
      #expect(singles.first { $0.recipe.name == generator.name }?.recipe == generator)
    }
    #expect(try self.search(trees: nil).trials.allSatisfy { $0.recipe.stacking == nil })
  }

  @Test("where few customers are judged, figures are means over seeds, and the explanation says so")
  func seeds() throws {
    let shop = Shop.interactions(customers: 80, products: 60, seed: 6)
    let study = Study(shop.history(through: cuts.validation), segments: .none(customers: 80))
    let slice = ValidationRows(of: shop, window: cuts.calibrationWindow, eligible: Shop.everything(shop), seed: 9)
    #expect(slice.draws.count == 3 && slice.first.customers.count < 300)
    for rows in slice.draws.dropFirst() {
      #expect(rows.customers.map(\.bought) == slice.first.customers.map(\.bought))
      #expect(rows.customers.map(\.unbought) != slice.first.customers.map(\.unbought))
    }
    let search = try search([.als, .neighbours], on: study, slice: slice, trees: nil)
    #expect(search.seeds == 3 && search.explanation.contains("mean of 3 seeds"))
    for (recipe, byChance) in [(Recipe.als, true), (.neighbours, false)] {
      let trial = try #require(search.trials.first { $0.recipe == recipe })
      var (rmse, ndcg) = (0.0, 0.0)
      for (number, rows) in slice.draws.enumerated() {
        let fit = try recipe.fit(study, seed: byChance ? 1 + UInt64(number) : 1)
        let scorer = Scorer(fit, recipe: recipe, study: study)
        let judgement = try Judgement(of: scorer, calibration: try Calibration(of: scorer, on: rows), on: rows)
        rmse += judgement.rmse / 3
        ndcg += judgement.ndcgAt10 / 3
      }
      #expect(abs(trial.rmse - rmse) < 1e-6 && abs(trial.ndcgAt10 - ndcg) < 1e-6)
    }
    let many = try self.search([.als], trees: nil)
    #expect(slice.draws.count == 3 && many.seeds == self.slice.draws.count)
    #expect(SmallSample.seeds(customers: 299) == 3 && SmallSample.seeds(customers: 300) == 1)
  }

  @Test("a larger share of the customers holds those of a smaller one")
  func nested() throws {
    let rows = slice.first
    let half = rows.only((0..<interactions.customers).map { $0 % 2 == 0 })
    #expect(half.customers.allSatisfy { $0.customer % 2 == 0 } && half.count < rows.count && half.count > 0)
    let interest = study.interest(halfLifeDays: 0)
    let kept = interest.keeping(rows: (0..<interest.rows).map { $0 % 2 == 0 })
    for row in 0..<interest.rows {
      #expect(kept.row(row).map(\.column) == (row % 2 == 0 ? interest.row(row).map(\.column) : []))
    }
  }
}
