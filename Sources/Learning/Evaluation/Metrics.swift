import Foundation

/// Figures of merit as plain functions of predictions and truth.
public enum Metrics {
  /// Length of the lists that ranking is judged on.
  public static let listLength = 10

  /// √(mean of squared errors); NaN for no rows.
  public static func rootMeanSquare(_ errors: some Sequence<Double>) -> Double {
    var sum = 0.0
    var count = 0
    for error in errors {
      sum += error * error
      count += 1
    }
    return (sum / Double(count)).squareRoot()
  }

  /// Normalised discounted cumulative gain with gain 1 for a relevant item, 0 for others.
  ///
  /// The ideal puts min(k, |relevant|) relevant items first, k being the list's intended length. Source: Järvelin,
  /// Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20 (2002).
  public static func ndcg(_ list: [Int32], relevant: Set<Int32>, length k: Int = listLength) -> Double {
    guard !relevant.isEmpty else { return .nan }
    let gained = list.prefix(k).enumerated().reduce(0.0) { sum, item in
      relevant.contains(item.element) ? sum + discount(rank: item.offset) : sum
    }
    let ideal = (0..<min(k, relevant.count)).reduce(0.0) { $0 + discount(rank: $1) }
    return gained / ideal
  }

  /// Whether the first k items hold at least one relevant one.
  public static func hit(_ list: [Int32], relevant: Set<Int32>, length k: Int = listLength) -> Bool {
    list.prefix(k).contains { relevant.contains($0) }
  }

  /// Share of the relevant items that the first k hold; NaN where none is relevant.
  public static func recall(_ list: [Int32], relevant: Set<Int32>, length k: Int = listLength) -> Double {
    Double(list.prefix(k).count { relevant.contains($0) }) / Double(relevant.count)
  }

  /// Mean of the precision at each hit among the first k, over min(k, |relevant|); NaN where none is relevant.
  public static func averagePrecision(_ list: [Int32], relevant: Set<Int32>, length k: Int = listLength) -> Double {
    var (hits, sum) = (0.0, 0.0)
    for (rank, item) in list.prefix(k).enumerated() where relevant.contains(item) {
      hits += 1
      sum += hits / Double(rank + 1)
    }
    return sum / Double(min(k, relevant.count))
  }

  /// Mean of absolute errors; NaN for no rows.
  public static func meanAbsolute(_ errors: [Double]) -> Double {
    errors.reduce(0) { $0 + abs($1) } / Double(errors.count)
  }

  /// Bins of equal width that a calibration error is taken over.
  public static let calibrationBins = 10

  /// Mean distance of predicted probabilities from the observed share, over bins of equal width (expected calibration error).
  ///
  /// Probabilities and answers run side by side; NaN for no rows. Source: Naeini, Cooper, Hauskrecht, "Obtaining well
  /// calibrated probabilities using Bayesian binning", AAAI 2015.
  public static func calibrationError(_ probabilities: [Double], _ answers: [Bool]) -> Double {
    precondition(probabilities.count == answers.count, "each probability needs its answer")
    var excess = [Double](repeating: 0, count: calibrationBins)
    for (probability, answer) in zip(probabilities, answers) {
      let bin = Int(max(0, min(Double(calibrationBins - 1), probability * Double(calibrationBins))))
      excess[bin] += probability - (answer ? 1 : 0)
    }
    return excess.reduce(0) { $0 + abs($1) } / Double(probabilities.count)
  }

  private static func discount(rank: Int) -> Double { 1 / log2(Double(rank) + 2) }
}
