import Learning

extension EvaluateCommand {
  /// Chooses on train, fits to train, judges on test.
  func rank(train: Observations, test: Observations, _ options: [String: Double]) throws -> EvaluationReport {
    let families = RankingRecipe.Family(rawValue: model.rawValue).map { [$0] } ?? RankingRecipe.Family.allCases
    var clock = Stopwatch()
    let deadline = seconds.map { ContinuousClock.now + .seconds($0) }
    let search = try RankingSearch(
      families, fixed: options, train: train, seed: seed, threads: threads,
      mayContinue: { deadline.map { ContinuousClock.now < $0 } ?? true })
    let searchSeconds = clock.lap()
    let scores = try search.best.fit(train, seed: seed)
    let fitSeconds = clock.lap()
    let evaluation = RankingEvaluation(of: scores, train: train, test: test)
    let scoreSeconds = clock.lap()
    // What a score means in chances is learned on the last slice of train.
    let (earlier, later) = train.split(share: RankingSearch.fittedShare)
    let before = RankingEvaluation(of: try search.best.fit(earlier, seed: seed), train: earlier, test: later)
    return EvaluationReport(
      task: "ranking", model: search.best.family.rawValue, options: search.best.options,
      metrics: [
        "ndcg@10": evaluation.ndcg, "recall@10": evaluation.recall, "map@10": evaluation.meanAveragePrecision,
        "calibration@10": evaluation.calibrationError(after: before), "hit_rate@10": evaluation.hitRate,
        "coverage@10": evaluation.coverage, "novelty@10": evaluation.novelty,
      ],
      judged: evaluation.users, seed: seed, threads: threads, searchSeconds: searchSeconds, fitSeconds: fitSeconds,
      scoreSeconds: scoreSeconds, peakMemoryBytes: Stopwatch.peakMemoryBytes(),
      trials: search.trials.map {
        .init(model: $0.recipe.family.rawValue, options: $0.recipe.options, validation: $0.ndcg, slices: $0.slices)
      }, reason: search.reason)
  }
}
