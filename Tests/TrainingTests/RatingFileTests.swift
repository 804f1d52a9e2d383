import Learning
import Messages
import Testing

@testable import Training

@Suite("Model files of rating models")
struct RatingFileTests {
  private static let recipes = [Recipe.quickMachine, .quickFactorisation]
  private static let night = try! SampleTenant.cinema(.anything).night()
  private static let machine = try! Recipe.quickMachine.fit(night.judged, seed: 1)

  private func file(_ model: TrainedModel, _ night: Night) -> ModelFile {
    ModelFile(model, id: "m-1", tenant: shop, products: night.data.products, watermark: 9, seed: night.seed)
  }

  @Test("a model read back is the one written, and the same snapshot and seed give the same bytes", arguments: recipes)
  func roundTrip(recipe: Recipe) throws {
    let night = try SampleTenant.cinema(.anything).night()
    let model = try night.train(recipe)
    let file = file(model, night)
    let read = try ModelFile(bytes: file.encoded.bytes).model(tenant: shop, id: "m-1", products: night.data.products)
    #expect(read == model && read.judged.calibration.rating != .baselineAlone)
    let again = try SampleTenant.cinema(.anything).night()
    #expect(self.file(try again.train(recipe), again).encoded.bytes == file.encoded.bytes)
  }

  @Test("a model of a tenant without ratings is written and read too", arguments: recipes)
  func withoutRatings(recipe: Recipe) throws {
    let night = try SampleTenant().night()
    let model = try night.train(recipe)
    let read = try file(model, night).model(tenant: shop, id: "m-1", products: night.data.products)
    let scorer = Scorer(read.served, recipe: read.recipe, study: night.served)
    #expect(scorer.scores(of: 0).allSatisfy { $0.isFinite })
  }

  @Test("a damaged file is refused or read, and never brings the trainer down", arguments: recipes)
  func damaged(recipe: Recipe) throws {
    let night = try SampleTenant.cinema(.anything).night()
    let bytes = file(try night.train(recipe), night).encoded.bytes
    var random = Xoshiro256(seed: 1)
    var refused = 0
    for attempt in 0..<100 {
      var damaged = bytes
      if attempt % 4 == 0 {
        damaged.removeLast(1 + random.nextIndex(below: bytes.count))
      } else {
        damaged[random.nextIndex(below: min(bytes.count, attempt % 2 == 0 ? 200 : .max))] ^= 1 << UInt8(attempt % 8)
      }
      guard let model = try? ModelFile(bytes: damaged).model(tenant: shop, id: "m-1", products: night.data.products)
      else {
        refused += 1
        continue
      }
      guard attempt % 5 == 0 else { continue }
      let scorer = Scorer(model.served, recipe: model.recipe, study: night.served)
      #expect(scorer.scores(of: 0).count == night.data.products.count)
    }
    #expect(refused >= 25)
  }

  /// Fits that no trainer writes.
  private static let absurd: [@Sendable (Draft<Proto.RatingFit>) -> Void] = [
    { $0.unit = 0 }, { $0.unit = .nan }, { $0.mean = .infinity }, { $0.low = 9 }, { $0.high = .nan },
    { $0.high = 1e300 }, { $0.list(\.n_blocks, \.blocks, of: [0]) { _, _ in } },
    { $0.strings(\.n_customer_features, \.customer_features, ["one"]) },
    { $0.strings(\.n_product_features, \.product_features, []) },
  ]

  @Test("what ratings taught is refused if it does not belong together", arguments: absurd.indices)
  func absurdFit(index: Int) throws {
    let good = try #require(Self.machine.rating)
    try expectRefused { draft in
      draft.message(\.ratings) {
        good.fill($0)
        Self.absurd[index]($0)
      }
    }
    if index == 0 {
      try expectRefused { $0.factors = [UInt8](repeating: 0xff, count: $0.factors.count) }
      try expectRefused { $0.factors = [] }
    }
  }

  /// Blocks that no trainer writes.
  private static let absurdBlocks: [@Sendable (Draft<Proto.RatingBlock>) -> Void] = [
    { $0.offset = .infinity }, { $0.noise = 0 }, { $0.noise = -.infinity }, { $0.customer_mean = [0, 0, 0] },
    { $0.customer_precision = [] }, { $0.product_precision = [UInt8](repeating: 0, count: 16) },
    { $0.product_mean = [UInt8](repeating: 0xff, count: 16) }, { $0.customer_attributes = [0, 0, 0, 0] },
    { $0.product_attributes = [] },
  ]

  @Test("so are parameters out of size or range", arguments: absurdBlocks.indices)
  func absurdBlock(index: Int) throws {
    let good = try #require(Self.machine.rating)
    let view = try Encoded<Proto.RatingFit> { good.fill($0) }.decode()
    try expectRefused { draft in
      draft.message(\.ratings) { ratings in
        good.fill(ratings)
        ratings.list(\.n_blocks, \.blocks, of: Array(view.list(\.n_blocks, \.blocks))) { draft, block in
          draft.offset = block.offset
          draft.noise = block.noise
          draft.customer_mean = block.customer_mean
          draft.customer_precision = block.customer_precision
          draft.customer_attributes = block.customer_attributes
          draft.product_mean = block.product_mean
          draft.product_precision = block.product_precision
          draft.product_attributes = block.product_attributes
          Self.absurdBlocks[index](draft)
        }
      }
    }
  }

  @Test("a rating model without what ratings taught, and another kind with it, are refused")
  func misplaced() throws {
    let rated = Self.machine
    let plain = try Recipe.ease.fit(Self.night.judged, seed: 1)
    let products = Self.night.data.products
    func refused(_ recipe: Recipe, _ fill: (Draft<Proto.Fit>) -> Void) throws {
      let view = try Encoded<Proto.Fit> { fill($0) }.decode()
      #expect(throws: TrainingError.self) {
        try Fit(validating: view, recipe: recipe, catalogue: [:], products: products.count)
      }
    }
    try refused(.quickMachine) { draft in
      plain.fill(draft, recipe: .ease, products: products)
      draft.factors = [UInt8](repeating: 0, count: products.count * 4 * Recipe.quickMachine.factors)
    }
    try refused(.ease) { draft in
      plain.fill(draft, recipe: .ease, products: products)
      draft.message(\.ratings) { rated.rating?.fill($0) }
    }
  }

  /// Recipes that no trainer makes.
  private static let absurdRecipes: [@Sendable (Draft<Proto.Recipe>) -> Void] = [
    { $0.factors = 0 }, { $0.factors = 5_000 }, { $0.iterations = 0 }, { $0.iterations = 1_001 }, { $0.kept = 0 },
    { $0.kept = 17 }, { $0.kept = .max }, { $0.burn_in = 1_001 }, { $0.trend_weight = .nan },
    { ($0.name, $0.rate) = ("mf", 0.1) }, { ($0.name, $0.regularisation) = ("mf", 0.1) },
    { ($0.name, $0.regularisation, $0.rate) = ("mf", .infinity, 0.1) },
  ]

  @Test("a recipe of ratings out of range is refused", arguments: absurdRecipes.indices)
  func absurdRecipe(index: Int) throws {
    let recipe = Encoded<Proto.Recipe> { draft in
      Recipe.quickMachine.fill(draft)
      Self.absurdRecipes[index](draft)
    }
    #expect(throws: TrainingError.self) { try Recipe(validating: recipe.decode()) }
  }

  @Test("every recipe of a night comes back from the contract", arguments: Recipe.nightly + Recipe.rated)
  func contract(recipe: Recipe) throws {
    #expect(try Recipe(validating: Encoded<Proto.Recipe> { recipe.fill($0) }.decode()) == recipe)
  }

  /// A fit of the machine with a change is refused.
  private func expectRefused(_ change: (Draft<Proto.Fit>) -> Void) throws {
    let products = Self.night.data.products
    let view = try Encoded<Proto.Fit> { draft in
      Self.machine.fill(draft, recipe: .quickMachine, products: products)
      change(draft)
    }.decode()
    #expect(throws: TrainingError.self) {
      try Fit(validating: view, recipe: .quickMachine, catalogue: [:], products: products.count)
    }
  }
}
