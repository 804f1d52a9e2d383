/// A recipe fitted up to as_of − H and calibrated: what the gate judges.
public struct JudgedModel: Sendable, Equatable {
  /// How it was made and how it scores.
  public let recipe: Recipe
  /// Fitted up to as_of − H.
  public let fit: Fit
  /// Fitted on the validation slice by a fit that ends before it.
  public let calibration: Calibration

  /// Puts together a model that was kept elsewhere.
  public init(recipe: Recipe, fit: Fit, calibration: Calibration) {
    self.recipe = recipe
    self.fit = fit
    self.calibration = calibration
  }

  /// Judges it on the night's rows, the customers' histories as they stood when the window began.
  ///
  /// - Parameter study: the history up to the window.
  public func judge(on rows: JudgingRows, _ study: Study) throws(LearningError) -> Judgement {
    let scorer = Scorer(fit, recipe: recipe, study: study, of: rows.judgedCustomers)
    return try Judgement(of: scorer, calibration: calibration, on: rows)
  }
}

/// A recipe with its parameters, fitted twice and calibrated: what a model file keeps.
public struct TrainedModel: Sendable, Equatable {
  /// What the gate judges.
  public let judged: JudgedModel
  /// Fitted up to as_of: what serves.
  public let served: Fit

  /// Puts both fits together.
  public init(judged: JudgedModel, served: Fit) {
    self.judged = judged
    self.served = served
  }

  /// How it was made and how it scores.
  public var recipe: Recipe { judged.recipe }
}
