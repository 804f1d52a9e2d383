import Foundation
import Testing

@testable import Learning

@Suite struct ModelTests {
  private let interactions = Shop.interactions()
  private var segments: CustomerSegments { .none(customers: interactions.customers) }

  @Test("popularity counts decayed purchases, overall and by segment")
  func popularity() {
    let rows = [
      Interactions.Row(customer: 0, product: 0, kind: .purchase, time: 0, quantity: 900),
      Interactions.Row(customer: 1, product: 1, kind: .purchase, time: 7 * Shop.day),
      Interactions.Row(customer: 1, product: 2, kind: .view, time: 7 * Shop.day),
    ]
    let shop = Interactions(customers: 2, products: 3, rows: rows)
    let segments = CustomerSegments(names: ["trade"], ofCustomer: [-1, 0])
    let popularity = Popularity(shop.history(through: 7 * Shop.day), segments: segments, halfLifeDays: 7)
    // The prior's 100 sales are shared out by the sales decayed over 60 days.
    let older = exp2(Float(-7.0 / 60))
    let expected = [0.5 + 100 * older / (1 + older), 1 + 100 / (1 + older), 0]
    for (sales, expected) in zip(popularity.overall, expected) { #expect(abs(sales - expected) < 1e-4) }
    #expect(popularity.segments == ["trade": [0, 1, 0]])
    let trade = popularity.logShares(segment: "trade")
    #expect(trade[1] > popularity.logShares()[1] && trade[0] < popularity.logShares()[0])
    #expect(popularity.logShares(segment: "unheard of") == popularity.logShares())
    #expect(abs(trade.reduce(0) { $0 + exp($1) } - 1) < 1e-5)
  }

  @Test("scores stay finite however old the sales are", arguments: [1, 1_000, 5_000, 7_600, 8_000, 20_000])
  func ancient(days: Int64) throws {
    for recipe in Recipe.personal + [.popularity] {
      let study = Study(interactions.history(through: Shop.end + days * Shop.day), segments: segments)
      let scorer = Scorer(try recipe.fit(study, seed: 1), recipe: recipe, study: study)
      #expect(scorer.scores(of: 0).allSatisfy { $0.isFinite })
    }
  }

  @Test("a product that the fit has not met is folded in from those who bought it")
  func newProduct() throws {
    let study = Study(interactions.history(through: Shop.end), segments: segments)
    let whole = try Recipe.als.fit(study, seed: 1)
    let forgotten = 4
    let kept = (0..<interactions.products).filter { $0 != forgotten }
    let smaller = whole.aligned(to: kept.map { $0 }, recipe: .als)
    let origin = (0..<interactions.products).map { product in kept.firstIndex(of: product) }
    let restored = smaller.aligned(to: origin, recipe: .als)
    let exact = Scorer(whole, recipe: .als, study: study)
    let folded = Scorer(restored, recipe: .als, study: study)
    // Customers of the product's own taste (its parity) rank it higher than the others do, as with the whole fit.
    func advantage(_ scorer: Scorer) -> Float {
      let scores = (0..<interactions.customers).map { scorer.scores(of: $0)[forgotten] }
      let own = stride(from: 0, to: scores.count, by: 2).reduce(0) { $0 + scores[$1] }
      let other = stride(from: 1, to: scores.count, by: 2).reduce(0) { $0 + scores[$1] }
      return (own - other) / Float(scores.count / 2)
    }
    #expect(advantage(exact) > 0.3)
    #expect(advantage(folded) > 0.5 * advantage(exact))
  }

  @Test("a customer without history gets the popular products in their order")
  func newCustomer() throws {
    let rows = (0..<interactions.count).map {
      Interactions.Row(
        customer: interactions.customer[$0], product: interactions.product[$0], kind: interactions.kind[$0],
        time: interactions.time[$0], quantity: interactions.quantity[$0])
    }
    let shop = Interactions(customers: interactions.customers + 1, products: interactions.products, rows: rows)
    let segments = CustomerSegments.none(customers: shop.customers)
    let study = Study(shop.history(through: Shop.end), segments: segments)
    let orders = try (Recipe.personal + [.popularity]).map { recipe in
      let scorer = Scorer(try recipe.fit(study, seed: 1), recipe: recipe, study: study)
      var top = TopProducts(length: 10, eligible: Shop.everything(shop))
      return top.select(scorer.scores(of: interactions.customers), excluding: []).map(\.product)
    }
    #expect(orders.allSatisfy { $0 == orders[0] })
  }

  @Test("a kept fit whose arrays do not belong together is refused")
  func malformed() throws {
    let good = [Float](repeating: 1, count: 3)
    let factors = [Float](repeating: 1, count: 3 * Recipe.als.factors)
    let cases: [([Float], [String: [Float]], [Float])] = [
      ([1, 2], [:], factors), (good, ["a": [1]], factors), (good, [:], [1, 2]),
      ([1, -1, 0], [:], factors), ([1, .nan, 0], [:], factors), (good, ["a": [.infinity, 0, 0]], factors),
      (good, [:], [Float](repeating: .nan, count: factors.count)),
    ]
    for (overall, segments, factors) in cases {
      #expect(throws: LearningError.self) {
        try Fit(
          recipe: .als, cut: 0, products: 3, overall: overall, segments: segments, factors: factors, similarities: [],
          rating: nil)
      }
    }
    #expect(throws: Never.self) {
      try Fit(
        recipe: .als, cut: 0, products: 3, overall: good, segments: ["a": good], factors: factors, similarities: [],
        rating: nil)
    }
    let rows: [[[(product: Int, weight: Float)]]] = [
      [[], []], [[(1, 1), (0, 1)], [], []], [[(3, 1)], [], []], [[(1, .nan)], [], []],
    ]
    for similarities in rows {
      #expect(throws: LearningError.self) {
        try Fit(
          recipe: .ease, cut: 0, products: 3, overall: good, segments: [:], factors: [], similarities: similarities,
          rating: nil)
      }
    }
    #expect(throws: LearningError.self) {
      try Fit(
        recipe: .als, cut: 0, products: 3, overall: good, segments: [:], factors: factors, similarities: [[], [], []],
        rating: nil)
    }
    // A stack needs its generators' fits, of the same products and no later cut, and trees for its own candidates.
    let parts = try [Recipe.als, .neighbours, .ease].map { recipe in
      try Fit(
        recipe: recipe, cut: 0, products: 3, overall: good, segments: [:], factors: recipe == .als ? factors : [],
        similarities: recipe == .als ? [] : [[], [], []])
    }
    func stack(_ parts: [Fit], cut: Int64 = 0, columns: Int = Generators.columns(models: 3)) throws -> Fit {
      let leaf = BoostedTrees.Node(column: -1, value: 1, left: 0, right: 0, missing: 0)
      return try Fit(
        recipe: .stacked, cut: cut, products: 3, overall: good, segments: [:], factors: [], similarities: [],
        generators: parts, trees: try BoostedTrees(columns: columns, nodes: [leaf], roots: [0]))
    }
    #expect(throws: Never.self) { try stack(parts) }
    #expect(throws: LearningError.self) { try stack(parts.dropLast()) }
    #expect(throws: LearningError.self) { try stack([]) }
    #expect(throws: LearningError.self) { try stack(parts, cut: -1) }
    #expect(throws: LearningError.self) { try stack(parts, columns: 7) }
    #expect(throws: LearningError.self) {
      try Fit(
        recipe: .als, cut: 0, products: 3, overall: good, segments: [:], factors: factors, similarities: [],
        generators: parts)
    }
  }

  @Test("similarities go over to another catalogue with their products", arguments: [Recipe.neighbours, .ease])
  func alignedSimilarities(recipe: Recipe) throws {
    let study = Study(interactions.history(through: Shop.end), segments: segments)
    let whole = try recipe.fit(study, seed: 1)
    let count = interactions.products
    let turned = whole.aligned(to: (0..<count).map { count - 1 - $0 }, recipe: recipe)
    for product in 0..<count {
      let row = whole.similarities.row(product).map { "\(count - 1 - $0.column) \($0.value)" }
      #expect(turned.similarities.row(count - 1 - product).map { "\($0.column) \($0.value)" } == row.reversed())
    }
    let without = whole.aligned(to: [nil] + (1..<count).map { $0 }, recipe: recipe)
    #expect(without.similarities.row(0).isEmpty)
    for product in 1..<count {
      #expect(
        without.similarities.row(product).map(\.column)
          == whole.similarities.row(product).map(\.column).filter { $0 != 0 })
    }
  }
}
