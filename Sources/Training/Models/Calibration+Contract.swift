import Learning
import Messages

extension Calibration {
  /// Reads the contract's message. Throws `champion` for numbers that are not finite.
  init(validating view: View<Proto.Calibration>) throws(TrainingError) {
    let rating = view.rating.map {
      RatingCalibration(score: $0.slope, baseline: $0.weight, intercept: $0.intercept)
    }
    let numbers = [view.slope, view.intercept] + (rating.map { [$0.score, $0.baseline, $0.intercept] } ?? [])
    guard numbers.allSatisfy(\.isFinite) else { throw .champion("its calibration is not finite") }
    self = Calibration(slope: view.slope, intercept: view.intercept).with(rating ?? .baselineAlone)
  }
}

extension RatingCalibration {
  /// Adds it to the contract's message, unless it says nothing.
  func fill(_ draft: Draft<Proto.Calibration>) {
    guard self != .baselineAlone else { return }
    draft.message(\.rating) {
      $0.slope = score
      $0.weight = baseline
      $0.intercept = intercept
    }
  }
}
