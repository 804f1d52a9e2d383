import Learning
import Messages
import Testing

@testable import Training

@Suite struct ModelFileTests {
  private func file(_ night: Night, _ recipe: Recipe) throws -> (model: TrainedModel, file: ModelFile) {
    let model = try night.train(recipe)
    let file = ModelFile(
      model, id: "m-1", tenant: shop, products: night.data.products, watermark: 9, seed: night.seed)
    return (model, file)
  }

  @Test(
    "a model read back scores as the one written", arguments: [Recipe.als, .neighbours, .ease, .popularity, .stacked])
  func roundTrip(recipe: Recipe) throws {
    let night = try SampleTenant().night()
    let (model, file) = try file(night, recipe)
    let read = try ModelFile(bytes: file.encoded.bytes).model(tenant: shop, id: "m-1", products: night.data.products)
    #expect(read.recipe == recipe && read.judged.calibration == model.judged.calibration)
    #expect(read.judged.fit.cut == SampleTenant.cuts.judged && read.served.cut == SampleTenant.cuts.served)
    for (fit, other, study) in [
      (model.judged.fit, read.judged.fit, night.judged), (model.served, read.served, night.served),
    ] {
      let scorers = [fit, other].map { Scorer($0, recipe: recipe, study: study) }
      for customer in 0..<5 { #expect(scorers[0].scores(of: customer) == scorers[1].scores(of: customer)) }
    }
  }

  @Test("the same snapshot and seed give the same bytes", arguments: [Recipe.als, .neighbours, .ease, .stacked])
  func deterministic(recipe: Recipe) throws {
    let bytes = try (0..<2).map { _ in try file(SampleTenant().night(), recipe).file.encoded.bytes }
    #expect(bytes[0] == bytes[1])
  }

  @Test("a model goes over to a catalogue that has gained and lost products")
  func catalogue() throws {
    let night = try SampleTenant().night()
    let (model, file) = try file(night, .als)
    let products = ["a new one"] + night.data.products.dropFirst(3)
    let read = try file.model(tenant: shop, id: "m-1", products: products)
    #expect(read.served.popularity.overall == [0] + model.served.popularity.overall.dropFirst(3))
    #expect(Array(read.served.factors.dropFirst(64)) == Array(model.served.factors.dropFirst(3 * 64)))
  }

  @Test("so does a stack, with every generator; its trees stay as they are")
  func stackedCatalogue() throws {
    let night = try SampleTenant().night()
    let (model, file) = try file(night, .stacked)
    let read = try file.model(
      tenant: shop, id: "m-1", products: ["a new one"] + night.data.products.dropFirst(3))
    #expect(read.recipe == .stacked && read.served.trees == model.served.trees && model.served.trees != nil)
    #expect(
      Array(read.served.generators[0].factors.dropFirst(64))
        == Array(model.served.generators[0].factors.dropFirst(3 * 64)))
    #expect(read.served.generators.allSatisfy { $0.popularity.overall == read.served.popularity.overall })
  }

  @Test("a stack whose generators, fits or trees do not belong together is refused")
  func hostileStack() throws {
    let night = try SampleTenant(customers: 30, products: 12).night()
    let (model, file) = try file(night, .stacked)
    func refused(_ change: (Draft<Proto.Model>) -> Void) throws {
      let whole = Encoded<Proto.Model> { draft in
        draft.format = ModelFile.format
        draft.tenant = shop.rawValue
        draft.id = "m-1"
        draft.feature_version = Recipe.featureVersion
        draft.message(\.recipe) { model.recipe.fill($0) }
        draft.message(\.judged) { model.judged.fit.fill($0, recipe: model.recipe, products: night.data.products) }
        draft.message(\.served) { model.served.fill($0, recipe: model.recipe, products: night.data.products) }
        draft.message(\.calibration) { $0.slope = 1 }
        draft.list(\.n_generators, \.generators, of: model.recipe.stacking?.generators ?? []) { $1.fill($0) }
        draft.list(\.n_judged_generators, \.judged_generators, of: model.judged.fit.generatorMessages(model.recipe)) {
          $1($0)
        }
        draft.list(\.n_served_generators, \.served_generators, of: model.served.generatorMessages(model.recipe)) {
          $1($0)
        }
        change(draft)
      }
      _ = try ModelFile(bytes: whole.bytes).model(tenant: shop, id: "m-1", products: night.data.products)
    }
    try refused { _ in }
    let parts = model.served.generatorMessages(model.recipe)
    let changes: [(Draft<Proto.Model>) -> Void] = [
      { $0.list(\.n_generators, \.generators, of: [Recipe]()) { $1.fill($0) } },
      { $0.list(\.n_generators, \.generators, of: [Recipe.als]) { $1.fill($0) } },
      { $0.list(\.n_generators, \.generators, of: [Recipe.als, .popularity, .ease]) { $1.fill($0) } },
      { $0.list(\.n_generators, \.generators, of: [Recipe.als, .stacked, .ease]) { $1.fill($0) } },
      { $0.list(\.n_generators, \.generators, of: [Recipe.ease, .neighbours, .als]) { $1.fill($0) } },
      { $0.list(\.n_served_generators, \.served_generators, of: parts.dropLast()) { $1($0) } },
      {
        $0.list(\.n_served_generators, \.served_generators, of: parts) {
          $1($0)
          $0.cut_us = .max
        }
      },
      {
        $0.list(\.n_served_generators, \.served_generators, of: parts) {
          $1($0)
          $0.factors = [0, 0, 0, 0]
        }
      },
      {
        $0.list(\.n_served_generators, \.served_generators, of: parts) { part, fill in
          fill(part)
          part.strings(\.n_products, \.products, ["p-00"])
        }
      },
      { $0.message(\.recipe) { Recipe.als.fill($0) } },
    ]
    for change in changes { #expect(throws: TrainingError.self) { try refused(change) } }
    #expect(file.encoded.bytes.count < 1 << 20)
  }

  @Test("trees that lead nowhere, or whose arrays are of unequal length, are refused")
  func hostileTrees() throws {
    let night = try SampleTenant().night()
    let trees = try #require(try night.train(.stacked).served.trees)
    let read = try BoostedTrees(validating: Encoded<Proto.Trees> { trees.fill($0) }.decode())
    #expect(read == trees)
    let absurd: [(Draft<Proto.Trees>) -> Void] = [
      { $0.columns = 0 }, { $0.columns = 3 }, { $0.columns = .max }, { $0.sizes = [] }, { $0.sizes = [1] },
      { $0.sizes = [UInt8](repeating: 255, count: 4 * 40) }, { $0.column = [] }, { $0.value = [1, 2, 3] },
      { $0.left = [UInt8](repeating: 0, count: 4 * trees.nodes.count) },
      { $0.right = [UInt8](repeating: 255, count: 4 * trees.nodes.count) },
      { $0.missing = [UInt8](repeating: 9, count: 4 * trees.nodes.count) },
      { $0.value = [UInt8](repeating: 255, count: 4 * trees.nodes.count) },
    ]
    for change in absurd {
      let view = try Encoded<Proto.Trees> { draft in
        trees.fill(draft)
        change(draft)
      }.decode()
      #expect(throws: TrainingError.self) { try BoostedTrees(validating: view) }
    }
  }

  @Test("a file of another tenant or model is refused")
  func misplaced() throws {
    let night = try SampleTenant().night()
    let file = try file(night, .popularity).file
    #expect(throws: TrainingError.self) {
      try file.model(tenant: shop, id: "m-2", products: night.data.products)
    }
    let other = try file.encoded.decode().encoded().bytes.replacing(Array("shop".utf8), with: Array("shoq".utf8))
    #expect(throws: TrainingError.self) {
      try ModelFile(bytes: other).model(tenant: shop, id: "m-1", products: night.data.products)
    }
  }

  @Test(
    "a damaged file is refused or read, and never brings the trainer down", arguments: [Recipe.als, .ease, .stacked])
  func damaged(recipe: Recipe) throws {
    let night = try SampleTenant(customers: 30, products: 6).night()
    let bytes = try file(night, recipe).file.encoded.bytes
    var random = Xoshiro256(seed: 1)
    var refused = 0
    for attempt in 0..<400 {
      var damaged = bytes
      if attempt % 4 == 0 {
        damaged.removeLast(1 + random.nextIndex(below: bytes.count))
      } else {
        damaged[random.nextIndex(below: min(bytes.count, attempt % 2 == 0 ? 200 : .max))] ^= 1 << UInt8(attempt % 8)
      }
      // Any error is a TrainingError by type; what matters is that there is no crash.
      guard let model = try? ModelFile(bytes: damaged).model(tenant: shop, id: "m-1", products: night.data.products)
      else {
        refused += 1
        continue
      }
      let scorer = Scorer(model.served, recipe: model.recipe, study: night.served)
      #expect(scorer.scores(of: 0).count == night.data.products.count)
    }
    #expect(refused >= 100)
  }

  @Test("a file as the version before wrote it, without similarities, is read")
  func previousVersion() throws {
    let night = try SampleTenant().night()
    let (model, file) = try file(night, .als)
    let old = try file.encoded.decode()
    #expect(old.format == 1 && old.feature_version == 1 && old.recipe?.name == "als")
    for fit in [old.judged, old.served] {
      #expect(fit?.similar_counts.isEmpty == true && fit?.similarities.isEmpty == true)
    }
    let read = try file.model(tenant: shop, id: "m-1", products: night.data.products)
    #expect(read.served.factors == model.served.factors)
  }

  @Test("similarities that do not belong to their products are refused")
  func similarities() throws {
    let night = try SampleTenant().night()
    let good = try night.train(.ease).served
    let absurd: [(Draft<Proto.Fit>) -> Void] = [
      { $0.similar_counts = [1, 0, 0] }, { $0.similar_counts = [UInt8](repeating: 255, count: 160) },
      { $0.similarities = [0, 0, 0, 0] }, { $0.similar_products = [] },
    ]
    for change in absurd {
      let view = try Encoded<Proto.Fit> { draft in
        good.fill(draft, recipe: .ease, products: night.data.products)
        change(draft)
      }.decode()
      #expect(throws: TrainingError.self) {
        try Fit(validating: view, recipe: .ease, catalogue: [:], products: night.data.products.count)
      }
    }
  }

  /// Recipes that no trainer makes.
  private static let absurd: [@Sendable (Draft<Proto.Recipe>) -> Void] = [
    { $0.name = "oracle" }, { $0.factors = 0 }, { $0.factors = 5_000 }, { $0.regularisation = 0 },
    { $0.regularisation = .nan }, { $0.alpha = -1 }, { $0.iterations = 0 }, { $0.half_life_days = .infinity },
    { $0.trend_weight = .nan }, { $0.trend_half_life_days = -1 },
  ]

  /// Likewise of the kinds with similarities.
  private static let absurdSimilarities: [@Sendable (Draft<Proto.Recipe>) -> Void] = [
    { $0.neighbours = 0 }, { $0.neighbours = 100_001 }, { $0.regularisation = 0 }, { $0.half_life_days = -1 },
    { $0.name = "knn" }, { $0.trend_weight = .infinity },
  ]

  /// Likewise of stacks.
  private static let absurdStacks: [@Sendable (Draft<Proto.Recipe>) -> Void] = [
    { $0.trees = 0 }, { $0.trees = 10_001 }, { $0.depth = 0 }, { $0.depth = 13 }, { $0.learning_rate = 0 },
    { $0.learning_rate = .nan }, { $0.slice_days = 0 }, { $0.slice_days = 366 }, { $0.trend_half_life_days = 8 },
  ]

  @Test("a recipe of a stack out of range is refused", arguments: absurdStacks.indices)
  func absurdStack(index: Int) throws {
    let recipe = Encoded<Proto.Recipe> { draft in
      Recipe.stacked.fill(draft)
      Self.absurdStacks[index](draft)
    }
    #expect(throws: TrainingError.self) {
      try Recipe(validating: recipe.decode(), generators: [.als, .neighbours, .ease])
    }
  }

  @Test("a recipe of similarities out of range is refused", arguments: absurdSimilarities.indices)
  func absurdSimilarityRecipe(index: Int) throws {
    let recipe = Encoded<Proto.Recipe> { draft in
      Recipe.ease.fill(draft)
      Self.absurdSimilarities[index](draft)
    }
    #expect(throws: TrainingError.self) { try Recipe(validating: recipe.decode()) }
  }

  @Test("a recipe out of range is refused", arguments: absurd.indices)
  func absurdRecipe(index: Int) throws {
    let recipe = Encoded<Proto.Recipe> { draft in
      Recipe.als.fill(draft)
      Self.absurd[index](draft)
    }
    #expect(throws: TrainingError.self) { try Recipe(validating: recipe.decode()) }
  }
}
