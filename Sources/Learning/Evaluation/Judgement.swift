/// How one candidate did on the judging rows; every figure is 0 where nobody is judged.
public struct Judgement: Sendable {
  /// Over all rows, of calibrated probability against 0 and 1, or of ratings as parts of their scale: see `JudgingRows`.
  public let rmse: Double
  /// Mean over judged customers, the whole catalogue of eligible products not bought before ranked.
  public let ndcgAt10: Double
  /// Share of judged customers whose first ten hold a product that they then bought for the first time.
  public let hitRateAt10: Double
  /// Share of the eligible catalogue that the judged customers' first ten show together.
  public let coverage: Double
  /// Mean squared error of each judged customer's rows, in the order of the rows' customers; where RMSE is of ratings in the
  /// order of those who rated.
  public let squaredErrors: [Double]
  /// NDCG@10 of each judged customer, in the same order.
  public let ndcgs: [Double]

  /// Judges a scorer.
  ///
  /// Complexity: O(judged customers × products). Throws `LearningError.hasSeenJudgingRows` for a scorer whose fit or
  /// histories reach into the window.
  public init(of scorer: Scorer, calibration: Calibration, on rows: JudgingRows) throws(LearningError) {
    self.init(try Answers(of: scorer, on: rows), calibration, rows.ratings)
  }

  /// Judges a scorer with the calibration that suits it best on these very rows; throws as `init` does.
  static func calibrated(
    _ scorer: Scorer, on rows: JudgingRows
  ) throws(LearningError) -> (calibration: Calibration, judgement: Judgement) {
    let answers = try Answers(of: scorer, on: rows)
    var calibration = Calibration(scores: answers.scores, answers: answers.isBought)
    if let ratings = rows.ratings { calibration = calibration.with(ratings.calibration(answers.opinions)) }
    return (calibration, Judgement(answers, calibration, rows.ratings))
  }

  private init(_ answers: Answers, _ calibration: Calibration, _ ratings: JudgedRatings?) {
    let customers = Double(max(1, answers.rowsOfCustomer.count))
    ndcgAt10 = answers.ndcgs.reduce(0, +) / customers
    hitRateAt10 = Double(answers.hits) / customers
    coverage = answers.coverage
    ndcgs = answers.ndcgs
    (rmse, squaredErrors) = ratings?.errors(answers.opinions, calibration.rating) ?? answers.errors(calibration)
  }
}

extension Answers {
  /// √ of the mean squared error of probabilities, and each customer's mean squared error.
  fileprivate func errors(_ calibration: Calibration) -> (rmse: Double, ofCustomer: [Double]) {
    var squaredErrors: [Double] = []
    squaredErrors.reserveCapacity(rowsOfCustomer.count)
    var (sum, row) = (0.0, 0)
    for count in rowsOfCustomer {
      var own = 0.0
      for index in row..<row + count {
        let probability = calibration.probability(scores[index])
        let error = isBought[index] ? 1 - probability : probability
        own += error * error
      }
      row += count
      sum += own
      squaredErrors.append(own / Double(count))
    }
    return ((sum / Double(max(1, row))).squareRoot(), squaredErrors)
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
  /// What it says of each of the ratings that RMSE is of.
  let opinions: [Double]
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
    opinions = rows.ratings?.scores(of: scorer) ?? []
    coverage = Double(isShown.count { $0 }) / Double(max(1, rows.eligible.count { $0 }))
  }
}
