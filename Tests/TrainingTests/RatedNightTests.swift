import Learning
import Messages
import RankedLists
import Testing

@testable import Training

@Suite("Nights of tenants with ratings")
struct RatedNightTests {
  private static let ratingKinds = ["mf", "fm"]

  private func report(_ evaluation: Evaluation) throws -> View<Proto.ReportEvaluationRequest> {
    try Encoded<Proto.ReportEvaluationRequest> { evaluation.fill($0) }.decode()
  }

  private func file(_ model: TrainedModel, _ night: Night) -> ModelFile {
    ModelFile(model, id: "m-1", tenant: shop, products: night.data.products, watermark: 9, seed: night.seed)
  }

  @Test("a rating model wins where people tell their taste by rating: it passes both rule and guard, and serves")
  func wins() throws {
    let night = try SampleTenant.cinema(.anything).night()
    let evaluation = try Evaluation(night, champion: nil, championProblem: "", stages: .unwatched)
    let report = try report(evaluation)
    #expect(report.rating_scale?.low == 1 && report.rating_scale?.high == 5)
    #expect(Int(report.judged_rows) == night.judgingRows().ratings?.count && report.judged_rows >= 250)
    let figures = report.list(\.n_candidates, \.candidates)
    #expect(figures.map(\.candidate) == ["als", "popularity"] && Self.ratingKinds.contains(figures[0].recipe))
    // The gate's rule and its guards.
    #expect(figures[0].rmse < 0.8 * figures[1].rmse && figures[1].rmse < 0.5)
    #expect(figures[0].ndcg_at_10 > 0.95 * figures[1].ndcg_at_10 && figures[0].coverage > 0.5 * figures[1].coverage)
    #expect(report.choice.contains("RMSE is of ratings, as a part of their scale 1.0 to 5.0"))
    #expect(Self.ratingKinds.allSatisfy { kind in report.list(\.n_trials, \.trials).contains { $0.recipe == kind } })
    let difference = report.list(\.n_differences, \.differences)[0]
    #expect(difference.mean < 0 && difference.high < 0)

    // What serves is the rating model, and what it lists for a customer are mostly films of their taste.
    let challenger = try #require(evaluation.candidates.first { $0.name == .challenger })
    let trained = try challenger.trained(night)
    #expect(trained.served.cut == night.cuts.served && trained.judged.fit.cut == night.cuts.judged)
    let scratch = try Scratch()
    let bake = Bake(
      tenant: shop, trained: trained, file: nil, model: "m-1", bake: "b-1", night: night, watermark: 1,
      listsBought: false)
    let published = try bake.publish(to: scratch.store, .unwatched)
    let lists = try RankedLists(
      path: scratch.store.path(tenant: shop, digest: published.digest, file: .lists), tenant: "shop", bake: "b-1")
    var ofTaste = 0
    func number(_ id: String) -> Int? { Int(id.dropFirst(2)) }
    for (place, customer) in night.data.customers.enumerated() {
      let list = try #require(lists.products(of: customer))
      let had = Set(Array(night.served.history.possessions()[place]).map { night.data.products[Int($0)] })
      #expect(Set(list).isDisjoint(with: had))
      ofTaste += list.prefix(5).count { number($0).map { $0 % 2 } == number(customer).map { $0 % 2 } }
    }
    #expect(ofTaste > night.data.customers.count * 5 * 3 / 4)
  }

  @Test("it does not win where people choose by something else: it tells ratings best, and would lose ranking quality")
  func mustNotWin() throws {
    let night = try SampleTenant.cinema(.ownKind).night()
    let evaluation = try Evaluation(night, champion: nil, championProblem: "", stages: .unwatched)
    let report = try report(evaluation)
    #expect(report.rating_scale?.low == 1)
    let trials = report.list(\.n_trials, \.trials).filter { $0.share == 1 }
    let best = try #require(trials.map(\.ndcg_at_10).max())
    let teller = try #require(trials.min { $0.rmse < $1.rmse })
    #expect(Self.ratingKinds.contains(teller.recipe) && teller.ndcg_at_10 < 0.95 * best)
    let challenger = report.list(\.n_candidates, \.candidates)[0]
    #expect(challenger.candidate == "als" && !Self.ratingKinds.contains(challenger.recipe))
  }

  @Test("below the floor of ratings, RMSE is of probabilities, and rating models are not tried")
  func belowFloor() throws {
    var tenant = SampleTenant()
    let rated = SampleTenant.cinema(.anything)
    tenant.events += rated.events.filter { $0.time > 180 * SampleTenant.day }
    let report = try report(
      Evaluation(tenant.night(), champion: nil, championProblem: "", stages: .unwatched))
    #expect(report.rating_scale == nil && report.judged_customers > 25)
    #expect(!report.list(\.n_trials, \.trials).contains { Self.ratingKinds.contains($0.recipe) })
  }

  @Test(
    "the live rating model is judged again on tomorrow's rows and catalogue",
    arguments: [Recipe.quickMachine, .quickFactorisation])
  func champion(recipe: Recipe) throws {
    let older = Night(
      data: try SampleTenant.cinema(.anything).data(),
      cuts: Cuts(asOf: SampleTenant.asOf - 2 * SampleTenant.day, horizonDays: 28), seed: 3)
    let kept = file(try older.train(recipe), older)
    var tenant = SampleTenant.cinema(.anything)
    tenant.products[5].id = "a new one"
    tenant.events.removeAll { $0.product == "p-05" }
    tenant.customers.append(("newcomer", ""))
    let night = try tenant.night()
    let model = try kept.model(tenant: shop, id: "m-1", products: night.data.products)
    let rows = night.judgingRows()
    let popularity = try night.fit(.popularity, night.calibration(of: .popularity, on: night.calibrationRows()))
    let (own, plain) = try (model.judged.judge(on: rows, night.judged), popularity.judge(on: rows, night.judged))
    #expect(own.rmse < 0.8 * plain.rmse && own.squaredErrors.count == plain.squaredErrors.count)
    let scorer = Scorer(model.served, recipe: model.recipe, study: night.served)
    let newcomer = try #require(night.data.customers.firstIndex(of: "newcomer"))
    #expect(scorer.scores(of: newcomer).allSatisfy { $0.isFinite })
    #expect(scorer.scores(of: 0).allSatisfy { $0.isFinite } && scorer.scores(of: 0).count == 60)
  }

  @Test("a champion of the days before ratings is judged by the baseline alone, and stays comparable")
  func oldChampion() throws {
    let older = Night(
      data: try SampleTenant.cinema(.anything).data(),
      cuts: Cuts(asOf: SampleTenant.asOf - 2 * SampleTenant.day, horizonDays: 28), seed: 3)
    let model = try older.train(.als)
    let old = TrainedModel(
      judged: JudgedModel(
        recipe: model.recipe, fit: model.judged.fit,
        calibration: model.judged.calibration.with(.baselineAlone)), served: model.served)
    let night = try SampleTenant.cinema(.anything).night()
    let kept = file(old, night)
    #expect(try kept.encoded.decode().calibration?.rating == nil)
    let rows = night.judgingRows()
    let champion = try kept.model(tenant: shop, id: "m-1", products: night.data.products).judged
    let renewed = JudgedModel(recipe: champion.recipe, fit: champion.fit, calibration: model.judged.calibration)
    let (alone, line) = try (champion.judge(on: rows, night.judged), renewed.judge(on: rows, night.judged))
    #expect(alone.rmse > line.rmse && alone.rmse < 0.5 && alone.ndcgs == line.ndcgs)
  }

  @Test("a customer of whom only the industry is known gets a list of their own from the machine, by that")
  func stranger() throws {
    var tenant = SampleTenant.cinema(.anything)
    tenant.customers += [("new-a", ""), ("new-b", "")]
    let night = try tenant.night()
    let scratch = try Scratch()
    func lists(_ recipe: Recipe, _ bake: String) throws -> RankedLists {
      let published = try Bake(
        tenant: shop, trained: night.train(recipe), file: nil, model: "m", bake: bake, night: night, watermark: 1,
        listsBought: false
      ).publish(to: scratch.store, .unwatched)
      return try RankedLists(
        path: scratch.store.path(tenant: shop, digest: published.digest, file: .lists), tenant: "shop", bake: bake)
    }
    let told = try lists(.quickMachine, "b-1")
    let (first, second) = (try #require(told.products(of: "new-a")), try #require(told.products(of: "new-b")))
    #expect(first.prefix(5).allSatisfy { Int($0.dropFirst(2)).map { $0 % 2 } == 0 })
    #expect(second.prefix(5).allSatisfy { Int($0.dropFirst(2)).map { $0 % 2 } == 1 })
    #expect(try lists(.quickFactorisation, "b-2").products(of: "new-a") == nil)
  }
}
