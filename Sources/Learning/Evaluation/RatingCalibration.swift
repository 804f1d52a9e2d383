/// A map from a model's scores to ratings: score · slope + baseline · weight + intercept, within the scale.
///
/// The baseline is the same for all candidates: what the rating is likely to be by who gives it and to what
/// (`JudgedRatings`). So a model is not worse for knowing only how a customer's products compare, as all that rank do.
public struct RatingCalibration: Hashable, Sendable {
  /// Ratings for one unit of score.
  public let score: Double
  /// Weight of the baseline.
  public let baseline: Double
  /// Ratings at score 0 and baseline 0.
  public let intercept: Double

  /// What is used when there was nothing to fit on: every rating is its baseline.
  public static let baselineAlone = RatingCalibration(score: 0, baseline: 1, intercept: 0)

  /// Part of the variance of both that keeps weights finite where one tells what the other does.
  private static let ridge = 1e-4

  /// A calibration with known parameters.
  public init(score: Double, baseline: Double, intercept: Double) {
    (self.score, self.baseline, self.intercept) = (score, baseline, intercept)
  }

  /// Fits the three parameters by least squares; columns run side by side. Complexity: O(rows).
  init(scores: [Double], baselines: [Double], ratings: [Double]) {
    precondition(scores.count == ratings.count && baselines.count == ratings.count, "each rating needs both")
    let (s, b, r) = (Centred(scores), Centred(baselines), Centred(ratings))
    let correlation = s.covariance(b) * s.perUnit * b.perUnit
    let (own, shared) = (s.covariance(r) * s.perUnit, b.covariance(r) * b.perUnit)
    let diagonal = 1 + Self.ridge
    let determinant = diagonal * diagonal - correlation * correlation
    let slope = (diagonal * own - correlation * shared) / determinant * s.perUnit
    let weight = (diagonal * shared - correlation * own) / determinant * b.perUnit
    let intercept = r.mean - slope * s.mean - weight * b.mean
    guard !ratings.isEmpty, slope.isFinite, weight.isFinite, intercept.isFinite else {
      self = .baselineAlone
      return
    }
    self.init(score: slope, baseline: weight, intercept: intercept)
  }

  /// The rating that belongs to a score, within `scale`.
  func rating(_ score: Double, baseline: Double, within scale: ClosedRange<Double>) -> Double {
    scale.clamp(score * self.score + baseline * self.baseline + intercept)
  }
}

/// A column less its mean.
private struct Centred {
  let mean: Double
  let values: [Double]
  /// 1 / standard deviation; 0 where all are alike.
  let perUnit: Double

  init(_ column: [Double]) {
    let count = Double(max(1, column.count))
    let mean = column.reduce(0, +) / count
    self.mean = mean
    values = column.map { $0 - mean }
    let variance = values.reduce(0) { $0 + $1 * $1 } / count
    perUnit = variance > .ulpOfOne * mean * mean ? 1 / variance.squareRoot() : 0
  }

  func covariance(_ other: Centred) -> Double {
    zip(values, other.values).reduce(0) { $0 + $1.0 * $1.1 } / Double(max(1, values.count))
  }
}
