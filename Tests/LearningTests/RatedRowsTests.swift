import Testing

@testable import Learning

@Suite("Rows of ratings")
struct RatedRowsTests {
  private let window = Window(after: 80 * Cinema.day, through: 108 * Cinema.day)

  private func rated(_ customer: Int, _ product: Int, _ rating: Double, day: Int64) -> Interactions.Row {
    .init(
      customer: Int32(customer), product: Int32(product), kind: .rating, time: day * Cinema.day, rating: rating)
  }

  /// So many ratings known, and within the window, of so many customers.
  private func interactions(known: Int, within: Int, customers: Int, values: [Double] = [1, 5]) -> Interactions {
    func product(_ number: Int) -> Int { number / customers }
    let before = (0..<known).map { rated($0 % customers, product($0), values[$0 % values.count], day: 10) }
    let after = (0..<within).map { rated($0 % customers, 100 + product($0), values[$0 % values.count], day: 90) }
    return Interactions(customers: customers, products: 200, rows: before + after)
  }

  @Test("they are the latest of each pair within the window that was not rated before it, new customers' included")
  func definition() throws {
    var rows = (0..<600).map { rated($0 % 30, $0 / 30, $0 % 2 == 0 ? 2 : 4, day: 10) }
    rows += (0..<300).map { rated(30 + $0 % 30, $0 / 30, 3, day: 90) }
    rows += [
      rated(0, 0, 4, day: 90), rated(0, 50, 2, day: 91), rated(0, 50, 4, day: 92), rated(0, 51, 9, day: 93),
      rated(0, 52, -3, day: 108), rated(0, 53, 4, day: 80), rated(0, 54, 4, day: 109),
      .init(customer: 0, product: 55, kind: .purchase, time: 90 * Cinema.day),
      rated(0, 56, .infinity, day: 90),
    ]
    let shop = Interactions(customers: 60, products: 60, rows: rows)
    let ratings = try #require(JudgedRatings(of: shop, window: window))
    #expect(ratings.scale == 2...4 && ratings.count == 303)
    #expect(ratings.customers.map(\.customer) == [0] + (30..<60))
    // What lies beyond the scale counts as its end.
    #expect(ratings.customers[0].products == [50, 51, 52] && ratings.customers[0].ratings == [4, 4, 2])
    let judged = JudgingRows(
      of: shop, window: window, eligible: Shop.everything(shop), ratings: ratings, seed: 1)
    #expect(judged.judgedRows == 303 && judged.judgedCustomers.count { $0 } == 31)
    let few = judged.only((0..<60).map { $0 < 31 })
    #expect(few.ratings?.customers.map(\.customer) == [0, 30])
  }

  @Test(
    "with fewer than a floor, known, judged or of customers, RMSE is of probabilities",
    arguments: [
      (500, 250, 25, true), (499, 250, 25, false), (500, 249, 25, false), (504, 264, 24, false), (0, 0, 25, false),
    ])
  func floor(known: Int, within: Int, customers: Int, isJudged: Bool) {
    let shop = interactions(known: known, within: within, customers: customers)
    #expect((JudgedRatings(of: shop, window: window) != nil) == isJudged)
  }

  @Test("a rating that no scale holds is none, and leaves the fits as they are", arguments: [1e300, -1e12])
  func absurdRating(value: Double) throws {
    let rows = Array(Cinema.interactions().history(through: Cinema.end).acts)
    let product = try #require((0..<60).first { other in !rows.contains { $0.customer == 0 && $0.product == other } })
    let absurd = Interactions(
      customers: Cinema.customers, products: Cinema.products, rows: rows + [rated(0, Int(product), value, day: 119)])
    let study = Cinema.study(Cinema.interactions(), through: Cinema.end)
    let other = Cinema.study(absurd, through: Cinema.end)
    #expect(other.history.meanRating() == study.history.meanRating())
    for recipe in [Recipe.quickMachine, .quickFactorisation] {
      let (fit, otherFit) = (try study.fit(recipe, seed: 1), try other.fit(recipe, seed: 1))
      #expect(fit.rating == otherFit.rating && fit.factors == otherFit.factors)
    }
  }

  @Test("ratings that are all alike, or of no scale, judge nobody", arguments: [[3.0], [1, 1e300], [-1e308, 1e308]])
  func noScale(values: [Double]) {
    let shop = interactions(known: 600, within: 300, customers: 30, values: values)
    #expect(JudgedRatings(of: shop, window: window) == nil)
  }

  @Test("the calibration finds what ratings are made of, and leaves the baseline alone where there is nothing to find")
  func calibration() {
    var random = Xoshiro256(seed: 1)
    let scores = (0..<500).map { _ in random.nextNormal() }
    let baselines = (0..<500).map { _ in 3 + random.nextNormal() }
    let ratings = zip(scores, baselines).map { 0.5 * $0 + 0.8 * $1 + 0.25 }
    let found = RatingCalibration(scores: scores, baselines: baselines, ratings: ratings)
    #expect(abs(found.score - 0.5) < 1e-3 && abs(found.baseline - 0.8) < 1e-3 && abs(found.intercept - 0.25) < 5e-3)
    let flat = RatingCalibration(scores: scores.map { _ in 7 }, baselines: baselines, ratings: baselines)
    #expect(flat.score == 0 && abs(flat.baseline - 1) < 1e-3)
    #expect(RatingCalibration(scores: [], baselines: [], ratings: []) == .baselineAlone)
    #expect(
      RatingCalibration(scores: [.nan, 1], baselines: [1, 2], ratings: [1, 2]) == .baselineAlone)
    // Scores that say what the baseline says.
    let twins = RatingCalibration(scores: baselines, baselines: baselines, ratings: ratings)
    #expect(abs(twins.score) < 10 && abs(twins.baseline) < 10)
    #expect(RatingCalibration(score: 1, baseline: 0, intercept: 9).rating(2, baseline: 0, within: 1...5) == 5)
  }

  @Test("RMSE is the error as a part of the scale, each customer's apart, and whoever tells every rating has none")
  func errors() throws {
    let shop = Cinema.interactions()
    let ratings = try #require(JudgedRatings(of: shop, window: window))
    let truth = ratings.customers.flatMap(\.ratings)
    let line = RatingCalibration(score: 1, baseline: 0, intercept: 0)
    #expect(ratings.errors(truth, line).rmse == 0)
    let off = ratings.errors(truth.map { $0 > 3 ? $0 - 1 : $0 + 1 }, line)
    #expect(abs(off.rmse - 0.25) < 1e-12 && off.ofCustomer.count == ratings.customers.count)
    #expect(off.ofCustomer.allSatisfy { abs($0 - 0.0625) < 1e-12 })
  }

  @Test("where RMSE is of ratings, a good ranker goes before whoever only tells ratings better")
  func search() {
    func trial(_ recipe: Recipe, rmse: Double, ndcg: Double) -> ModelSearch.Trial {
      ModelSearch.Trial(
        recipe: recipe, share: 1, rmse: rmse, ndcgAt10: ndcg, coverage: 1, calibration: .uninformed)
    }
    let trials = [
      trial(.machine, rmse: 0.20, ndcg: 0.10), trial(.als, rmse: 0.25, ndcg: 0.20),
      trial(.factorisation, rmse: 0.21, ndcg: 0.191), trial(.ease, rmse: 0.24, ndcg: 0.15),
    ]
    #expect(ModelSearch.guarded(trials).map(\.recipe) == [.factorisation, .als, .machine, .ease])
    #expect(ModelSearch.ranked(trials).first?.recipe == .machine)
    #expect(ModelSearch.guarded([]).isEmpty)
  }
}
