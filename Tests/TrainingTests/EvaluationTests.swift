import Learning
import Messages
import Testing

@testable import Training

@Suite struct EvaluationTests {
  private func report(_ evaluation: Evaluation) throws -> View<Proto.ReportEvaluationRequest> {
    try Encoded<Proto.ReportEvaluationRequest> { evaluation.fill($0) }.decode()
  }

  private func champion(_ night: Night, of older: Night) throws -> Candidate {
    let model = try older.train(.als)
    let file = ModelFile(
      model, id: "m-1", tenant: shop, products: older.data.products, watermark: 1, seed: older.seed)
    return Candidate(
      champion: try file.model(tenant: shop, id: "m-1", products: night.data.products), file: file)
  }

  @Test("challenger, popularity and champion are judged on the same rows, none of which their fits have seen")
  func sameRows() throws {
    let night = try SampleTenant().night()
    let older = Night(
      data: night.data, cuts: Cuts(asOf: SampleTenant.asOf - 7 * SampleTenant.day, horizonDays: 28), seed: 3)
    let evaluation = try Evaluation(
      night, champion: champion(night, of: older), championProblem: "", stages: .unwatched)
    let report = try report(evaluation)
    let figures = report.list(\.n_candidates, \.candidates)
    #expect(figures.map(\.candidate) == ["als", "popularity", "champion"])
    #expect(
      ["als", "knn", "ease", "stack"].contains(figures[0].recipe) && figures[0].options.hasPrefix(figures[0].recipe))
    #expect(figures.map(\.recipe).dropFirst() == ["popularity", "als"])
    for figure in figures {
      #expect(figure.judged_cut_us <= SampleTenant.cuts.judged && figure.served_cut_us <= SampleTenant.asOf)
      #expect(figure.rmse > 0 && figure.rmse < 0.6 && figure.ndcg_at_10 > 0 && figure.coverage > 0)
    }
    #expect(figures[2].judged_cut_us == older.cuts.judged)
    let differences = report.list(\.n_differences, \.differences)
    #expect(
      differences.map { "\($0.first)-\($0.second)" } == ["als-popularity", "als-champion", "popularity-champion"])
    #expect(differences.allSatisfy { $0.low <= $0.mean && $0.mean <= $0.high })
    #expect(differences.allSatisfy { $0.ndcg_low <= $0.ndcg_mean && $0.ndcg_mean <= $0.ndcg_high })
    #expect(abs(differences[0].ndcg_mean - (figures[0].ndcg_at_10 - figures[1].ndcg_at_10)) < 1e-12)
    let trials = report.list(\.n_trials, \.trials)
    #expect(Set(trials.map(\.recipe)) == ["als", "knn", "ease", "stack"] && trials.allSatisfy { $0.share == 1 })
    #expect(trials[0].options == figures[0].options && report.choice.contains(figures[0].options))
    #expect(Int(report.judged_customers) == night.judgingRows().customers.count && report.judged_customers > 25)
    #expect(Int(report.judged_rows) == night.judgingRows().count)
    #expect(report.customers == 60 && report.products == 40 && report.events == 1_800)
  }

  @Test("a champion that has seen the judging rows is reported and not judged")
  func leakingChampion() throws {
    let night = try SampleTenant().night()
    let later = Night(
      data: night.data, cuts: Cuts(asOf: SampleTenant.asOf + SampleTenant.day, horizonDays: 28), seed: 3)
    let report = try report(
      Evaluation(night, champion: champion(night, of: later), championProblem: "", stages: .unwatched))
    #expect(report.list(\.n_candidates, \.candidates).map(\.candidate) == ["als", "popularity"])
    #expect(report.champion_problem.contains("must not be judged"))
  }

  @Test("whatever a broken model file says of itself, the journal can take the reason")
  func hostileProblem() throws {
    let night = try SampleTenant().night()
    let problem = "its file holds model '\u{1b}[2J\r\n\u{85}x' of 'y'" + String(repeating: "ü", count: 2_000)
    let text = try report(Evaluation(unjudged: [], of: night, championProblem: problem)).champion_problem
    #expect(text.hasPrefix("its file holds model ' [2J   x' of 'y'ü"))
    #expect((1_023...1_024).contains(text.utf8.count))
  }

  @Test("a tenant whose customers only search, or only look at what nobody sells, is judged without a crash")
  func nothingToJudge() throws {
    let customers = (0..<30).map { "c-\($0)" }
    let rows = (0..<1_200).map { (number: Int) -> Interactions.Row in
      let extreme = Double.greatestFiniteMagnitude
      return Interactions.Row(
        customer: Int32(number % 30), product: 0, kind: .rating, time: Int64(number) * SampleTenant.day / 6,
        quantity: .max, revenue: .max, rating: number % 2 == 0 ? extreme : -extreme)
    }
    for (products, rows) in [([], []), (["p"], rows)] as [([String], [Interactions.Row])] {
      let data = TenantData(
        customers: customers, products: products,
        segments: CustomerSegments(names: [], ofCustomer: customers.map { _ in -1 }),
        regions: .none(customers: customers.count),
        segmentNames: customers.map { _ in "" }, regionNames: customers.map { _ in "" },
        attributes: [], facts: products.map { _ in TenantData.ProductFacts() }, offers: [],
        interactions: Interactions(customers: 30, products: products.count, rows: rows), events: 1_200)
      let night = Night(data: data, cuts: SampleTenant.cuts, seed: 1)
      let evaluation = try Evaluation(night, champion: nil, championProblem: "", stages: .unwatched)
      #expect(try report(evaluation).judged_customers == 0)
      let scratch = try Scratch()
      for candidate in evaluation.candidates {
        let bake = Bake(
          tenant: shop, trained: try candidate.trained(night), file: nil, model: "m", bake: "m.1", night: night,
          watermark: 1, listsBought: false)
        #expect(try bake.publish(to: scratch.store, .unwatched).candidates == UInt64(products.count))
      }
    }
  }

  @Test("the seed draws the rows, and every choice has a stream of its own")
  func seeds() throws {
    func drawn(_ rows: JudgingRows) -> [[Int32]] { rows.customers.map(\.unbought) }
    let night = try SampleTenant().night(seed: 7)
    #expect(drawn(night.judgingRows()) == drawn(try SampleTenant().night(seed: 7).judgingRows()))
    #expect(drawn(night.judgingRows()) != drawn(try SampleTenant().night(seed: 8).judgingRows()))
  }

  @Test("the floor is 25 customers and 1,000 events", arguments: [(24, 50, true), (25, 39, true), (25, 40, false)])
  func floor(customers: Int, purchases: Int, isUnder: Bool) throws {
    #expect(try SampleTenant(customers: customers, purchases: purchases).data().isUnderFloor == isUnder)
  }
}
