import Testing

@testable import Learning

@Suite("Models of ratings that a night fits")
struct RatedModelTests {
  private static let recipes = [Recipe.quickMachine, .quickFactorisation]
  private let shop = Cinema.interactions()
  private let cut = 80 * Cinema.day

  /// Error of a scorer's opinions against what customers would say of everything.
  private func error(_ scorer: Scorer, customers: some Sequence<Int>, products: Range<Int> = 0..<60) -> Double {
    Metrics.rootMeanSquare(
      customers.lazy.flatMap { customer in
        let all = scorer.opinions(of: customer)
        return products.map { Double(all[$0]) - Cinema.truth(customer, $0) }
      })
  }

  @Test("they tell ratings far better than who and what alone do, within the scale", arguments: recipes)
  func tells(recipe: Recipe) throws {
    let study = Cinema.study(shop, through: cut)
    let scorer = Scorer(try recipe.fit(study, seed: 1), recipe: recipe, study: study)
    let baseline = RatingBaseline(study.ratings())
    let plain = Metrics.rootMeanSquare(
      (0..<60).flatMap { customer in
        (0..<60).map { baseline.rating(customer: customer, product: $0) - Cinema.truth(customer, $0) }
      })
    #expect(error(scorer, customers: 0..<60) < 0.5 * plain)
    #expect((0..<60).allSatisfy { scorer.opinions(of: $0).allSatisfy { (1...5).contains($0) } })
  }

  @Test("with attributes, a customer who never rated and a product that nobody rated are not met blindly")
  func strangers() throws {
    // Customers from 110 and products from 56 come without a past.
    let known = Interactions(
      customers: shop.customers, products: shop.products,
      rows: (0..<shop.count).filter { shop.customer[$0] < 110 && shop.product[$0] < 56 }.map {
        .init(
          customer: shop.customer[$0], product: shop.product[$0], kind: .rating, time: shop.time[$0],
          rating: shop.rating[$0])
      })
    func scorer(_ attributes: EntityAttributes) throws -> Scorer {
      let study = Cinema.study(known, through: cut, attributes)
      return Scorer(try Recipe.quickMachine.fit(study, seed: 1), recipe: .quickMachine, study: study)
    }
    let (told, blind) = try (scorer(Cinema.attributes), scorer(.none))
    #expect(error(told, customers: 110..<120) < 0.6 * error(blind, customers: 110..<120))
    #expect(
      error(told, customers: 0..<60, products: 56..<60) < 0.7 * error(blind, customers: 0..<60, products: 56..<60))
    #expect(told.knows(stranger: 119) && !blind.knows(stranger: 119))
    #expect(told.scores(of: 118) != told.scores(of: 119) && told.scores(of: 117) == told.scores(of: 119))
  }

  @Test("a product that the fit has not met is scored by its attributes, as one that nobody rated")
  func newProduct() throws {
    let study = Cinema.study(shop, through: cut)
    let fit = try Recipe.quickMachine.fit(study, seed: 1)
    // Product 7 is forgotten.
    let origin = (0..<60).map { $0 == 7 ? nil : $0 as Int? }
    let aligned = fit.aligned(to: origin, recipe: .quickMachine)
    let scorer = Scorer(aligned, recipe: .quickMachine, study: study)
    #expect(scorer.opinions(of: 1)[7] > 3 && scorer.opinions(of: 0)[7] < 3)
    let plain = Scorer(
      try Recipe.quickFactorisation.fit(study, seed: 1).aligned(
        to: origin, recipe: .quickFactorisation), recipe: .quickFactorisation, study: study)
    #expect(plain.scores(of: 1).allSatisfy { $0.isFinite })
  }

  @Test(
    "the same seed fits the same, another does not; what happened after the cut changes nothing", arguments: recipes)
  func determined(recipe: Recipe) throws {
    let fit = try recipe.fit(Cinema.study(shop, through: cut), seed: 1)
    #expect(try recipe.fit(Cinema.study(shop, through: cut), seed: 1) == fit)
    #expect(try recipe.fit(Cinema.study(shop, through: cut), seed: 2) != fit)
    let past = Interactions(
      customers: shop.customers, products: shop.products,
      rows: (0..<shop.count).filter { shop.time[$0] <= cut }.map {
        .init(
          customer: shop.customer[$0], product: shop.product[$0], kind: .rating, time: shop.time[$0],
          rating: shop.rating[$0])
      })
    #expect(try recipe.fit(Cinema.study(past, through: cut), seed: 1) == fit)
    #expect(fit.cut == cut)
  }

  @Test("recipes that differ in the trend alone share a fit")
  func shared() throws {
    let others = Recipe.rated.filter { $0.name == "fm" }
    #expect(others.count > 1 && Set(others.map(\.ofFit)).count == 1)
  }

  @Test("without a rating, without a customer, without a product: scores are finite, and no crash", arguments: recipes)
  func nothing(recipe: Recipe) throws {
    for (customers, products) in [(3, 2), (0, 2), (3, 0)] {
      let empty = Interactions(customers: customers, products: products, rows: [])
      let study = Study(empty.history(through: 0), segments: .none(customers: customers))
      let scorer = Scorer(try recipe.fit(study, seed: 1), recipe: recipe, study: study)
      for customer in 0..<customers {
        #expect(scorer.scores(of: customer).allSatisfy { $0.isFinite } && scorer.scores(of: customer).count == products)
        #expect(scorer.opinions(of: customer).allSatisfy { $0.isFinite })
      }
    }
  }

  @Test("later ratings beyond the scale are taken as its ends", arguments: recipes)
  func extremes(recipe: Recipe) throws {
    let fit = try recipe.fit(Cinema.study(shop, through: cut), seed: 1)
    let rows = (0..<40).map { number -> Interactions.Row in
      .init(
        customer: 0, product: Int32(number), kind: .rating, time: 1,
        rating: number % 2 == 0 ? 1e9 : -1e9)
    }
    let wild = Interactions(customers: Cinema.customers, products: Cinema.products, rows: rows)
    let scorer = Scorer(fit, recipe: recipe, study: Cinema.study(wild, through: cut))
    #expect(scorer.scores(of: 0).allSatisfy { $0.isFinite })
    #expect(scorer.opinions(of: 0).allSatisfy { (1...5).contains($0) })
    #expect(scorer.opinions(of: 0)[0] > scorer.opinions(of: 0)[1])
  }

  @Test("a share of the customers teaches what their own ratings do")
  func share() throws {
    let chosen = (0..<120).map { $0 < 40 }
    let study = Cinema.study(shop, through: cut)
    let some = study.only(chosen, halfLives: [])
    #expect(some.ratings().user.allSatisfy { $0 < 40 } && some.ratings().count > 300)
    #expect(some.ratings().count < study.ratings().count)
  }

  @Test("a folded-in row is what the normal equations say")
  func ridge() {
    let prior = RatingFit.Prior(mean: [0.5, -1], precision: [2, 3])
    var ridge = RidgeRegression(prior, strength: 1, noise: 4)
    ridge.add([1, 2], 3)
    ridge.add([1, -1], 0.5)
    // (4 XᵀX + Λ) θ = 4 Xᵀt + Λ m, by hand: [10 4; 4 23] θ = [15; 19].
    let solution = ridge.solution()
    #expect(abs(solution[0] - (15.0 * 23 - 4 * 19) / 214) < 1e-12)
    #expect(abs(solution[1] - (10.0 * 19 - 4 * 15) / 214) < 1e-12)
    let alone = RidgeRegression(prior, strength: 1, noise: 1).solution()
    #expect(abs(alone[0] - 0.5) < 1e-12 && abs(alone[1] + 1) < 1e-12)
    var broken = RidgeRegression(prior, strength: 1, noise: 1)
    broken.add([.infinity, 1], 1)
    #expect(broken.solution() == [0.5, -1])
  }
}
