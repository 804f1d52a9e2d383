/// How a tenant's customers rate: the mean, the spread and the range of what they gave.
public struct RatingScale: Sendable, Equatable {
  /// Mean.
  public let mean: Double
  /// Standard deviation; 1 where all are alike.
  public let unit: Double
  /// Least and greatest rating.
  public let range: ClosedRange<Double>

  /// Beyond any scale that people rate on.
  static let widest = 1e9

  /// Whether a number may be somebody's rating: one that none rates on would make all others look alike.
  static func admits(_ rating: Double) -> Bool { abs(rating) <= widest }

  /// Takes up a scale that was kept elsewhere.
  public init(mean: Double, unit: Double, range: ClosedRange<Double>) {
    (self.mean, self.unit, self.range) = (mean, unit, range)
  }

  /// Of some ratings; mean 0 without any.
  init(_ ratings: Observations) {
    let count = Double(max(1, ratings.count))
    let mean = ratings.value.reduce(0, +) / count
    let deviation = (ratings.value.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    self.mean = mean
    unit = deviation > 0 ? deviation : 1
    range = (ratings.value.min() ?? 0)...(ratings.value.max() ?? 0)
  }

  /// (r − mean) / unit: what models learn, as their steps and priors must not depend on the scale that people rate on.
  func standard(_ rating: Double) -> Double { (rating - mean) / unit }

  /// The rating that a standardised one stands for, within the range.
  func rating(_ standard: Double) -> Double { range.clamp(mean + unit * standard) }
}

extension ClosedRange<Double> {
  /// The nearest value within; NaN stays.
  func clamp(_ value: Double) -> Double { value.isNaN ? value : Swift.min(Swift.max(value, lowerBound), upperBound) }
}
