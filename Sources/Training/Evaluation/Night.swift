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
    let (traits, attributes) = (data.traits, data.entityAttributes)
    func study(_ cut: Int64, past: Study?) -> Study {
      Study(
        data.interactions.history(through: cut), traits: traits, attributes: attributes,
        eligible: data.eligible(at: cut), past: past)
    }
    // Each is what a stack of the next learns its second stage from.
    let earliest = study(cuts.validation - (cuts.judged - cuts.validation), past: nil)
    early = study(cuts.validation, past: earliest)
    judged = study(cuts.judged, past: early)
    served = study(cuts.served, past: judged)
    if let calibration = JudgedRatings(of: data.interactions, window: cuts.calibrationWindow),
      let judging = JudgedRatings(of: data.interactions, window: cuts.judgingWindow)
    {
      ratings = (calibration, judging)
    } else {
      ratings = nil
    }
  }

  /// What this night tries.
  var recipes: [Recipe] {
    let nightly = Recipe.nightly(products: data.products.count)
    return ratings == nil ? nightly : nightly + Recipe.rated
  }

  /// Rows that recipes are chosen and calibrations fitted on.
  func calibrationRows() -> ValidationRows {
    let window = cuts.calibrationWindow
    return ValidationRows(
      of: data.interactions, window: window, eligible: data.eligible(at: window.after), ratings: ratings?.calibration,
      seed: seed(for: .calibration))
  }

  /// Rows that all candidates are judged on. Products may be drawn as not bought if they were for sale when the window began.
  func judgingRows() -> JudgingRows {
    let window = cuts.judgingWindow
    return JudgingRows(
      of: data.interactions, window: window, eligible: data.eligible(at: window.after), ratings: ratings?.judging,
      seed: seed(for: .judging))
  }

  /// Tries the nightly recipes on the validation slice.
  func search(_ slice: ValidationRows) throws(LearningError) -> ModelSearch {
    try ModelSearch(
      recipes, stackedBy: Recipe.nightlyTrees, on: early, slice: slice,
      budget: Limits.searchWork(events: data.events), seed: seed(for: .fit))
  }

  /// Calibrates a recipe by a fit on what had happened before the validation slice.
  func calibration(of recipe: Recipe, on slice: ValidationRows) throws(LearningError) -> Calibration {
    let fit = try early.fit(recipe, seed: seed(for: .fit))
    let scorer = Scorer(fit, recipe: recipe, study: early, of: slice.first.judgedCustomers)
    return try Calibration(of: scorer, on: slice.first)
  }

  /// Fits what the gate judges.
  func fit(_ recipe: Recipe, _ calibration: Calibration) throws(LearningError) -> JudgedModel {
    JudgedModel(recipe: recipe, fit: try judged.fit(recipe, seed: seed(for: .fit)), calibration: calibration)
  }

  /// Fits what serves, on all data: the recipe and its parameters are those that were judged.
  func refit(_ model: JudgedModel) throws(LearningError) -> TrainedModel {
    TrainedModel(judged: model, served: try served.fit(model.recipe, seed: seed(for: .fit)))
  }

  /// Resamples of the judged customers.
  var bootstrap: Bootstrap { Bootstrap(seed: seed(for: .bootstrap)) }

  /// Random choices, each with a stream of its own.
  private enum Choice: Int { case fit, calibration, judging, bootstrap }

  private func seed(for choice: Choice) -> UInt64 {
    var spread = SplitMix64(seed: seed)
    for _ in 0..<choice.rawValue { _ = spread.next() }
    return spread.next()
  }
}
