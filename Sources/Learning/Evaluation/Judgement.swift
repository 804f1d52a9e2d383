/// How one candidate did on the judging rows; every figure is 0 where nobody is judged.
public struct Judgement: Sendable {
  /// Over all rows, of calibrated probability against 0 and 1.
  public let rmse: Double
  /// Mean over judged customers, the whole catalogue of eligible products not bought before ranked.
  public let ndcgAt10: Double
  /// Share of judged customers whose first ten hold a product that they then bought for the first time.
  public let hitRateAt10: Double
  /// Share of the eligible catalogue that the judged customers' first ten show together.
  public let coverage: Double
  /// Mean squared error of each judged customer's rows, in the order of the rows' customers.
  public let squaredErrors: [Double]

  /// Judges a scorer.
  ///
  /// Complexity: O(judged customers × products). Throws `LearningError.hasSeenJudgingRows` for a scorer whose fit or
  /// histories reach into the window.
  public init(of scorer: Scorer, calibration: Calibration, on rows: JudgingRows) throws(LearningError) {
    try scorer.requireUnseen(rows.window)
    var errors: [Double] = []
    var squaredErrors: [Double] = []
    var (ndcg, hits) = (0.0, 0)
    var shown = Set<Int32>()
    var top = TopProducts(length: Metrics.listLength, eligible: rows.eligible)
    for judged in rows.customers {
      let scores = scorer.scores(of: judged.customer)
      let own =
        judged.bought.map { 1 - calibration.probability(Double(scores[Int($0)])) }
        + judged.unbought.map { calibration.probability(Double(scores[Int($0)])) }
      errors += own
      squaredErrors.append(own.reduce(0) { $0 + $1 * $1 } / Double(own.count))
      let list = top.select(scores, excluding: rows.boughtBefore[judged.customer]).map(\.product)
      let relevant = Set(judged.bought)
      ndcg += Metrics.ndcg(list, relevant: relevant)
      hits += Metrics.hit(list, relevant: relevant) ? 1 : 0
      shown.formUnion(list)
    }
    let customers = Double(max(1, rows.customers.count))
    rmse = errors.isEmpty ? 0 : Metrics.rootMeanSquare(errors)
    ndcgAt10 = ndcg / customers
    hitRateAt10 = Double(hits) / customers
    coverage = Double(shown.count) / Double(max(1, rows.eligible.count { $0 }))
    self.squaredErrors = squaredErrors
  }
}

extension Calibration {
  /// Fits a calibration on a slice of rows that the scorer has not seen.
  ///
  /// Throws `LearningError.hasSeenJudgingRows` for a scorer that has.
  public init(of scorer: Scorer, on rows: JudgingRows) throws(LearningError) {
    try scorer.requireUnseen(rows.window)
    var scores: [Double] = []
    var answers: [Bool] = []
    for judged in rows.customers {
      let all = scorer.scores(of: judged.customer)
      scores += (judged.bought + judged.unbought).map { Double(all[Int($0)]) }
      answers += judged.bought.map { _ in true } + judged.unbought.map { _ in false }
    }
    self.init(scores: scores, answers: answers)
  }
}
