import Testing

@testable import Learning

/// Models and metrics of ranking against public libraries.
@Suite struct RankingReferenceTests {
  private static func observations(_ sets: [[Int32]], items: Int) -> Observations {
    let user = sets.indices.flatMap { user in sets[user].map { _ in Int32(user) } }
    let ones = [Double](repeating: 1, count: user.count)
    return Observations(
      users: sets.count, items: items, user: user, item: sets.flatMap { $0 }, time: ones, value: ones)
  }

  @Test("NDCG, recall and hit rate agree with ir_measures, MAP with implicit, coverage and novelty with numpy")
  func metrics() throws {
    let reference = try RankingReference.load().metrics
    let items = reference.scores[0].count
    let evaluation = RankingEvaluation(
      of: { reference.scores[$0] }, train: Self.observations(reference.train, items: items),
      test: Self.observations(reference.test, items: items))
    #expect(evaluation.users == reference.users)
    #expect(abs(evaluation.ndcg - reference.ndcg) < 1e-6)
    #expect(abs(evaluation.recall - reference.recall) < 1e-6)
    #expect(abs(evaluation.hitRate - reference.hitRate) < 1e-6)
    #expect(abs(evaluation.meanAveragePrecision - reference.map) < 1e-6)
    #expect(abs(evaluation.coverage - reference.coverage) < 1e-6)
    #expect(abs(evaluation.novelty - reference.novelty) < 1e-6)
    // Scores drawn by chance say nothing, so that a map learned on these very lists gives each the share of hits.
    #expect(evaluation.calibrationError(after: evaluation) < 0.05)
  }

  @Test("the calibration error agrees with scikit-learn's calibration curve")
  func calibration() throws {
    let reference = try RankingReference.load().calibration
    #expect(abs(Metrics.calibrationError(reference.probabilities, reference.answers) - reference.error) < 1e-6)
    #expect(Metrics.calibrationError([0, 1, 1], [false, true, true]) == 0)
    #expect(Metrics.calibrationError([1, 0], [false, true]) == 1)
    #expect(Metrics.calibrationError([], []).isNaN)
  }

  @Test("EASE's weights are numpy's closed form")
  func ease() throws {
    let reference = try RankingReference.load().ease
    let ease = try EASE(RankingReference.sparse(reference.interest), regularisation: reference.regularisation)
    for (ours, theirs) in zip(ease.weights, reference.weights.joined()) { #expect(abs(ours - theirs) < 1e-4) }
  }

  @Test("neighbours and their similarities are implicit's", arguments: [Neighbours.Weighting.cosine, .bm25])
  func neighbours(weighting: Neighbours.Weighting) throws {
    let reference = try RankingReference.load().neighbours
    let ours = Neighbours(
      RankingReference.sparse(reference.interest), weighting: weighting, neighbours: reference.neighbours)
    let theirs = weighting == .cosine ? reference.cosine : reference.bm25
    for item in theirs.indices {
      let expected = theirs[item].enumerated().filter { $0.element != 0 }
      let found = ours.similarities.row(item)
      #expect(found.map(\.column) == expected.map(\.offset))
      for (own, other) in zip(found, expected) { #expect(abs(own.value - other.element) < 1e-4) }
    }
  }

  @Test("ALS comes to implicit's loss, and both agree what that is")
  func als() throws {
    let reference = try RankingReference.load().als
    let theirs = RankingReference.loss(reference, users: reference.users, items: reference.items)
    #expect(abs(theirs - reference.loss) < 1e-3 * reference.loss)
    let als = ImplicitALS(
      factors: reference.factors, regularisation: reference.regularisation, alpha: reference.alpha,
      iterations: reference.iterations)
    let interest = RankingReference.sparse(reference.interest)
    let y = try als.fit(interest, seed: 7)
    func rows(_ flat: [Float]) -> [[Double]] {
      stride(from: 0, to: flat.count, by: reference.factors).map { start in
        flat[start..<start + reference.factors].map(Double.init)
      }
    }
    let ours = RankingReference.loss(reference, users: rows(als.foldIn(interest, against: y)), items: rows(y))
    #expect(ours < 1.02 * theirs)
  }
}
