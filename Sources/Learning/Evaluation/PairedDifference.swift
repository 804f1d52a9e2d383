/// How much two candidates differ on the same customers, and how sure that is.
public struct PairedDifference: Hashable, Sendable {
  /// Mean over customers of the first's figure less the second's.
  public let mean: Double
  /// Lower end of the mean's 95% interval.
  public let low: Double
  /// Upper end of it.
  public let high: Double

  /// Compares figures customer by customer: the interval holds the middle 95% of the means of the resamples; with fewer than
  /// two customers it is unbounded.
  ///
  /// Source: Efron, Tibshirani, "An introduction to the bootstrap", 1993, the percentile interval.
  public init(first: [Double], second: [Double], _ bootstrap: Bootstrap) {
    precondition(first.count == second.count, "both candidates are judged on the same customers")
    let differences = zip(first, second).map { $0 - $1 }
    mean = differences.isEmpty ? 0 : differences.reduce(0, +) / Double(differences.count)
    guard differences.count > 1 else {
      (low, high) = (-.infinity, .infinity)
      return
    }
    (low, high) = bootstrap.interval(of: differences)
  }
}

/// Resamples of a night's judged customers, with replacement: one seed draws the same ones for every pair of candidates.
public struct Bootstrap: Sendable {
  private let seed: UInt64

  /// Customers drawn in all; a large tenant is resampled less often, its means hardly vary.
  private static let draws = 4_000_000
  private static let resamples = 200...1_000
  /// Part of the means beyond either end of the interval.
  private static let tail = 0.025

  /// The resamples that a seed draws.
  public init(seed: UInt64) { self.seed = seed }

  /// The middle 95% of the resamples' means. Complexity: O(resamples × customers).
  func interval(of differences: [Double]) -> (low: Double, high: Double) {
    let count = differences.count
    let resamples = min(max(Self.draws / count, Self.resamples.lowerBound), Self.resamples.upperBound)
    var random = Xoshiro256(seed: seed)
    var means = (0..<resamples).map { _ in
      var sum = 0.0
      for _ in 0..<count { sum += differences[random.nextIndex(below: count)] }
      return sum / Double(count)
    }
    means.sort()
    let beyond = Int(Double(resamples) * Self.tail)
    return (means[beyond], means[resamples - 1 - beyond])
  }
}
