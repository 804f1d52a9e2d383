/// A recipe with its parameters, fitted twice and calibrated: what a model file keeps.
public struct TrainedModel: Sendable, Equatable {
  /// How it was made and how it scores.
  public let recipe: Recipe
  /// Fitted up to as_of − H: what the gate judges.
  public let judged: Fit
  /// Fitted up to as_of: what serves.
  public let served: Fit
  /// Fitted on the validation slice by a third fit that ends before it.
  public let calibration: Calibration

  /// Puts together a model that was kept elsewhere.
  public init(recipe: Recipe, judged: Fit, served: Fit, calibration: Calibration) {
    self.recipe = recipe
    self.judged = judged
    self.served = served
    self.calibration = calibration
  }

  /// Trains a recipe: three fits, of which the first only calibrates.
  ///
  /// - Parameter calibrationRows: rows of `cuts.calibrationWindow`; a later window is as good, an earlier one throws.
  public init(
    _ recipe: Recipe, on interactions: Interactions, segments: CustomerSegments, cuts: Cuts,
    calibrationRows: JudgingRows, seed: UInt64
  ) throws(LearningError) {
    let early = interactions.history(through: cuts.validation)
    let scorer = Scorer(
      try recipe.fit(early, segments: segments, seed: seed), recipe: recipe, history: early, segments: segments)
    self.recipe = recipe
    calibration = try Calibration(of: scorer, on: calibrationRows)
    judged = try recipe.fit(interactions.history(through: cuts.judged), segments: segments, seed: seed)
    served = try recipe.fit(interactions.history(through: cuts.served), segments: segments, seed: seed)
  }

  /// Judges the judged fit on the night's rows, the customers' histories as they stood when the window began.
  public func judge(
    on rows: JudgingRows, of interactions: Interactions, segments: CustomerSegments
  ) throws(LearningError) -> Judgement {
    let scorer = Scorer(
      judged, recipe: recipe, history: interactions.history(through: rows.window.after), segments: segments)
    return try Judgement(of: scorer, calibration: calibration, on: rows)
  }
}
