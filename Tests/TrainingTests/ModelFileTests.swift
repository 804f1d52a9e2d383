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

  @Test("a model read back scores as the one written", arguments: [Recipe.als, .neighbours, .ease, .popularity])
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

  @Test("the same snapshot and seed give the same bytes", arguments: [Recipe.als, .neighbours, .ease])
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

  @Test("a damaged file is refused or read, and never brings the trainer down", arguments: [Recipe.als, .ease])
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
