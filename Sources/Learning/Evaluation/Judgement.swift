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
  /// NDCG@10 of each judged customer, in the same order.
  public let ndcgs: [Double]

  /// Judges a scorer.
  ///
  /// Complexity: O(judged customers × products). Throws `LearningError.hasSeenJudgingRows` for a scorer whose fit or
  /// histories reach into the window.
  public init(of scorer: Scorer, calibration: Calibration, on rows: JudgingRows) throws(LearningError) {
    self.init(try Answers(of: scorer, on: rows), calibration)
  }

  /// Judges a scorer with the calibration that suits it best on these very rows; throws as `init` does.
  static func calibrated(
    _ scorer: Scorer, on rows: JudgingRows
  ) throws(LearningError) -> (calibration: Calibration, judgement: Judgement) {
    let answers = try Answers(of: scorer, on: rows)
    let calibration = Calibration(scores: answers.scores, answers: answers.isBought)
    return (calibration, Judgement(answers, calibration))
  }

  private init(_ answers: Answers, _ calibration: Calibration) {
    var squaredErrors: [Double] = []
    squaredErrors.reserveCapacity(answers.rowsOfCustomer.count)
    var (sum, row) = (0.0, 0)
    for count in answers.rowsOfCustomer {
      var own = 0.0
      for index in row..<row + count {
        let probability = calibration.probability(answers.scores[index])
        let error = answers.isBought[index] ? 1 - probability : probability
        own += error * error
      }
      row += count
      sum += own
      squaredErrors.append(own / Double(count))
    }
    let customers = Double(max(1, answers.rowsOfCustomer.count))
    rmse = (sum / Double(max(1, row))).squareRoot()
    ndcgAt10 = answers.ndcgs.reduce(0, +) / customers
    hitRateAt10 = Double(answers.hits) / customers
    coverage = answers.coverage
    self.squaredErrors = squaredErrors
    ndcgs = answers.ndcgs
  }
}

extension Calibration {
  /// Fits a calibration on a slice of rows that the scorer has not seen.
  ///
  /// Throws `LearningError.hasSeenJudgingRows` for a scorer that has.
  public init(of scorer: Scorer, on rows: JudgingRows) throws(LearningError) {
    self = try Judgement.calibrated(scorer, on: rows).calibration
  }
}

/// What a scorer says of the judging rows, and how its lists do, before any calibration.
private struct Answers {
  /// Customer after customer, of each first what was bought.
  private(set) var scores: [Double] = []
  private(set) var isBought: [Bool] = []
  private(set) var rowsOfCustomer: [Int] = []
  private(set) var ndcgs: [Double] = []
  private(set) var hits = 0
  let coverage: Double

  init(of scorer: Scorer, on rows: JudgingRows) throws(LearningError) {
    try scorer.requireUnseen(rows.window)
    scores.reserveCapacity(rows.count)
    isBought.reserveCapacity(rows.count)
    var isShown = [Bool](repeating: false, count: rows.eligible.count)
    var top = TopProducts(length: Metrics.listLength, eligible: rows.eligible)
    for judged in rows.customers {
      let all = scorer.scores(of: judged.customer)
      for product in judged.bought { scores.append(Double(all[Int(product)])) }
      for product in judged.unbought { scores.append(Double(all[Int(product)])) }
      isBought.append(contentsOf: repeatElement(true, count: judged.bought.count))
      isBought.append(contentsOf: repeatElement(false, count: judged.unbought.count))
      rowsOfCustomer.append(judged.bought.count + judged.unbought.count)
      let list = top.select(all, excluding: rows.boughtBefore[judged.customer]).map(\.product)
      let relevant = Set(judged.bought)
      ndcgs.append(Metrics.ndcg(list, relevant: relevant))
      hits += Metrics.hit(list, relevant: relevant) ? 1 : 0
      for product in list { isShown[Int(product)] = true }
    }
    coverage = Double(isShown.count { $0 }) / Double(max(1, rows.eligible.count { $0 }))
  }
}
