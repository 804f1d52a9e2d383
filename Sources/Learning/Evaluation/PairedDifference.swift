/// How much two candidates' errors differ on the same customers, and how sure that is.
public struct PairedDifference: Hashable, Sendable {
  /// Mean over customers of the first's mean squared error less the second's; negative = the first is better.
  public let mean: Double
  /// Lower end of the mean's 95% interval, by the normal approximation over customers.
  public let low: Double
  /// Upper end of it.
  public let high: Double

  /// Standard deviations on either side of the mean that hold 95% of a normal distribution.
  private static let normalQuantile = 1.959963984540054

  /// Compares mean squared errors customer by customer; with one customer the interval is unbounded.
  public init(first: [Double], second: [Double]) {
    precondition(first.count == second.count, "both candidates are judged on the same customers")
    let differences = zip(first, second).map { $0 - $1 }
    let count = Double(differences.count)
    guard count > 0 else {
      (mean, low, high) = (0, -.infinity, .infinity)
      return
    }
    let mean = differences.reduce(0, +) / count
    let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let error = count > 1 ? (squares / (count - 1) / count).squareRoot() : .infinity
    self.mean = mean
    low = mean - Self.normalQuantile * error
    high = mean + Self.normalQuantile * error
  }
}
