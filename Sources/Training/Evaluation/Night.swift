import Learning

/// What a night knows before it trains: the tenant's data as it stood at each cut, and the seed of every random choice.
struct Night: Sendable {
  let data: TenantData
  let cuts: Cuts
  let seed: UInt64
  /// What had happened up to `cuts.validation`, `cuts.judged` and `cuts.served`.
  let early: Study
  let judged: Study
  let served: Study
  /// What RMSE is of where the tenant has enough ratings in both windows; nil = it is of probabilities.
  private let ratings: (calibration: JudgedRatings, judging: JudgedRatings)?

  init(data: TenantData, cuts: Cuts, seed: UInt64) {
    self.data = data
    self.cuts = cuts
    self.seed = seed
    let attributes = data.entityAttributes
    func study(_ cut: Int64) -> Study {
      Study(data.interactions.history(through: cut), segments: data.segments, attributes: attributes)
    }
    early = study(cuts.validation)
    judged = study(cuts.judged)
    served = study(cuts.served)
    if let calibration = JudgedRatings(of: data.interactions, window: cuts.calibrationWindow),
      let judging = JudgedRatings(of: data.interactions, window: cuts.judgingWindow)
    {
      ratings = (calibration, judging)
    } else {
      ratings = nil
    }
  }

  /// What this night tries.
  var recipes: [Recipe] { ratings == nil ? Recipe.nightly : Recipe.nightly + Recipe.rated }

  /// Rows that recipes are chosen and calibrations fitted on.
  func calibrationRows() -> JudgingRows { rows(in: cuts.calibrationWindow, ratings?.calibration, .calibration) }

  /// Rows that all candidates are judged on.
  func judgingRows() -> JudgingRows { rows(in: cuts.judgingWindow, ratings?.judging, .judging) }

  /// Tries the nightly recipes on the validation slice.
  func search(_ calibrationRows: JudgingRows) throws(LearningError) -> ModelSearch {
    try ModelSearch(
      recipes, on: early, rows: calibrationRows, budget: Limits.searchWork(events: data.events),
      seed: seed(for: .fit))
  }

  /// Calibrates a recipe by a fit on what had happened before the validation slice.
  func calibration(of recipe: Recipe, on calibrationRows: JudgingRows) throws(LearningError) -> Calibration {
    let fit = try recipe.fit(early, seed: seed(for: .fit))
    let scorer = Scorer(fit, recipe: recipe, study: early, of: calibrationRows.judgedCustomers)
    return try Calibration(of: scorer, on: calibrationRows)
  }

  /// Fits what the gate judges.
  func fit(_ recipe: Recipe, _ calibration: Calibration) throws(LearningError) -> JudgedModel {
    JudgedModel(recipe: recipe, fit: try recipe.fit(judged, seed: seed(for: .fit)), calibration: calibration)
  }

  /// Fits what serves, on all data: the recipe and its parameters are those that were judged.
  func refit(_ model: JudgedModel) throws(LearningError) -> TrainedModel {
    TrainedModel(judged: model, served: try model.recipe.fit(served, seed: seed(for: .fit)))
  }

  /// Resamples of the judged customers.
  var bootstrap: Bootstrap { Bootstrap(seed: seed(for: .bootstrap)) }

  /// Products may be drawn as not bought if they were for sale when the window began.
  private func rows(in window: Window, _ ratings: JudgedRatings?, _ choice: Choice) -> JudgingRows {
    JudgingRows(
      of: data.interactions, window: window, eligible: data.eligible(at: window.after), ratings: ratings,
      seed: seed(for: choice))
  }

  /// Random choices, each with a stream of its own.
  private enum Choice: Int { case fit, calibration, judging, bootstrap }

  private func seed(for choice: Choice) -> UInt64 {
    var spread = SplitMix64(seed: seed)
    for _ in 0..<choice.rawValue { _ = spread.next() }
    return spread.next()
  }
}
