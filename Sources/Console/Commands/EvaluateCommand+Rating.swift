import Learning

extension EvaluateCommand {
  /// Chooses on train where the model is left open, fits to train, judges on test.
  func rate(
    train: Observations, test: Observations, _ options: [String: Double], users: SideInformation?,
    items: SideInformation?
  ) throws -> EvaluationReport {
    let users = users ?? SideInformation(entities: train.users)
    let items = items ?? SideInformation(entities: train.items)
    let families = RatingRecipe.Family(rawValue: model.rawValue).map { [$0] } ?? RatingRecipe.Family.allCases
    var clock = Stopwatch()
    let search = try RatingSearch(families, fixed: options, train: train, users: users, items: items, seed: seed)
    let searchSeconds = clock.lap()
    let predictions = try search.best.predictions(train: train, asked: test, users: users, items: items, seed: seed)
    let fitSeconds = clock.lap()
    let errors = zip(predictions, test.value).map { $0 - $1 }
    let metrics = ["rmse": Metrics.rootMeanSquare(errors), "mae": Metrics.meanAbsolute(errors)]
    return EvaluationReport(
      task: "rating", model: search.best.family.rawValue, options: search.best.options, metrics: metrics,
      judged: test.count, seed: seed, threads: threads, searchSeconds: searchSeconds, fitSeconds: fitSeconds,
      scoreSeconds: clock.lap(), peakMemoryBytes: Stopwatch.peakMemoryBytes(),
      trials: search.trials.map {
        .init(model: $0.recipe.family.rawValue, options: $0.recipe.options, validation: $0.rmse, slices: [$0.rmse])
      })
  }
}
