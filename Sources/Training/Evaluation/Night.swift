import Learning

/// What a night knows before it trains: the tenant's data, its cuts and the seed of every random choice.
struct Night: Sendable {
  let data: TenantData
  let cuts: Cuts
  let seed: UInt64

  /// Rows that calibrations are fitted on.
  func calibrationRows() -> JudgingRows { rows(in: cuts.calibrationWindow, choice: .calibration) }

  /// Rows that all candidates are judged on.
  func judgingRows() -> JudgingRows { rows(in: cuts.judgingWindow, choice: .judging) }

  /// Trains a recipe on the snapshot.
  func train(_ recipe: Recipe, _ calibrationRows: JudgingRows) throws(LearningError) -> TrainedModel {
    try TrainedModel(
      recipe, on: data.interactions, segments: data.segments, cuts: cuts, calibrationRows: calibrationRows,
      seed: seed(for: .fit))
  }

  /// Products may be drawn as not bought if they were for sale when the window began.
  private func rows(in window: Window, choice: Choice) -> JudgingRows {
    JudgingRows(
      of: data.interactions, window: window, eligible: data.eligible(at: window.after), seed: seed(for: choice))
  }

  /// Random choices, each with a stream of its own.
  private enum Choice: Int { case fit, calibration, judging }

  private func seed(for choice: Choice) -> UInt64 {
    var spread = SplitMix64(seed: seed)
    for _ in 0..<choice.rawValue { _ = spread.next() }
    return spread.next()
  }
}
