import Foundation

/// A map from a model's scores to probabilities: p = 1 / (1 + e^−(slope · score + intercept)); and to ratings, where there are.
///
/// Source: Platt, "Probabilistic outputs for support vector machines", 1999, with the targets and the Newton iteration of
/// Lin, Lin, Weng, "A note on Platt's probabilistic outputs for support vector machines", Machine Learning 68 (2007).
public struct Calibration: Hashable, Sendable {
  /// Change of log odds for one unit of score.
  public let slope: Double
  /// Log odds at score 0.
  public let intercept: Double
  /// To ratings; the baseline alone where there were none to fit it on.
  public private(set) var rating = RatingCalibration.baselineAlone

  /// What is used when there was nothing to fit on: every probability is one half.
  public static let uninformed = Calibration(slope: 0, intercept: 0)

  private static let maximumIterations = 100
  private static let gradientTolerance = 1e-10
  private static let ridge = 1e-12
  private static let minimumStep = 1e-10
  /// Part of the promised descent that a step must reach (Armijo's rule).
  private static let sufficientDescent = 1e-4

  /// A calibration with known parameters, without ratings.
  public init(slope: Double, intercept: Double) {
    self.slope = slope
    self.intercept = intercept
  }

  /// The same with a map to ratings.
  public func with(_ rating: RatingCalibration) -> Calibration {
    var both = self
    both.rating = rating
    return both
  }

  /// Fits both parameters by maximum likelihood, the targets drawn in to (N₊ + 1)/(N₊ + 2) and 1/(N₋ + 2).
  ///
  /// Scores and answers run side by side. Complexity: O(rows) for each of a few iterations.
  public init(scores: [Double], answers: [Bool]) {
    precondition(scores.count == answers.count, "each score needs its answer")
    let positives = Double(answers.count { $0 })
    let negatives = Double(answers.count) - positives
    guard positives > 0, negatives > 0 else {
      self = .uninformed
      return
    }
    let targets = answers.map { $0 ? (positives + 1) / (positives + 2) : 1 / (negatives + 2) }
    var current = Calibration(slope: 0, intercept: log((positives + 1) / (negatives + 1)))
    var loss = current.loss(scores, targets)
    for _ in 0..<Self.maximumIterations {
      guard let step = current.newtonStep(scores, targets) else { break }
      var length = 1.0
      while length >= Self.minimumStep {
        let next = Calibration(
          slope: current.slope + length * step.slope, intercept: current.intercept + length * step.intercept)
        let nextLoss = next.loss(scores, targets)
        if nextLoss < loss + Self.sufficientDescent * length * step.descent {
          (current, loss) = (next, nextLoss)
          break
        }
        length /= 2
      }
      if length < Self.minimumStep { break }
    }
    self = current
  }

  /// The probability that belongs to a score.
  public func probability(_ score: Double) -> Double {
    let z = slope * score + intercept
    return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z))
  }

  /// Negative log-likelihood.
  private func loss(_ scores: [Double], _ targets: [Double]) -> Double {
    var loss = 0.0
    for (score, target) in zip(scores, targets) {
      let z = slope * score + intercept
      loss += z >= 0 ? (1 - target) * z + log1p(exp(-z)) : -target * z + log1p(exp(z))
    }
    return loss
  }

  /// The Newton direction and the loss's slope along it; nil where the gradient vanishes.
  private func newtonStep(
    _ scores: [Double], _ targets: [Double]
  ) -> (slope: Double, intercept: Double, descent: Double)? {
    var (g1, g2) = (0.0, 0.0)
    var (h11, h12, h22) = (Self.ridge, 0.0, Self.ridge)
    for (score, target) in zip(scores, targets) {
      let p = probability(score)
      let residual = p - target
      let curvature = p * (1 - p)
      g1 += score * residual
      g2 += residual
      h11 += score * score * curvature
      h12 += score * curvature
      h22 += curvature
    }
    if abs(g1) < Self.gradientTolerance && abs(g2) < Self.gradientTolerance { return nil }
    let determinant = h11 * h22 - h12 * h12
    guard determinant > 0 else { return nil }
    let slopeStep = -(h22 * g1 - h12 * g2) / determinant
    let interceptStep = -(h11 * g2 - h12 * g1) / determinant
    return (slopeStep, interceptStep, g1 * slopeStep + g2 * interceptStep)
  }
}
