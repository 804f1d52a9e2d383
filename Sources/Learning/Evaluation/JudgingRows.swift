/// The rows that all candidates of a night are asked about, and their true answers.
///
/// For each customer who had something before the window and came to like something within it, bought for the first time
/// or, where the tenant has ratings, rated for the first time at or above the tenant's mean as it was when the window
/// began: those products (value 1), and as many others (value 0): first those that the customer rated below the mean, then
/// eligible products never had, half of them drawn by popularity before the window and half uniformly. The same seed
/// draws the same rows.
///
/// Ranking is judged on these for every tenant. RMSE is of the probability that a customer comes to like a product, calibrated
/// probability against 0 and 1; but where the tenant has enough ratings (`ratings`) it is of those, predicted against given.
/// What is predicted well there may rank badly: that is why NDCG@10 stands guard.
public struct JudgingRows: Sendable {
  /// One customer's rows.
  public struct Judged: Sendable {
    /// Index of the customer.
    public let customer: Int
    /// Products liked for the first time within the window, ascending.
    public let bought: [Int32]
    /// Products that were not, ascending.
    public let unbought: [Int32]
  }

  /// The time that the rows come from.
  public let window: Window
  /// Judged customers, by index.
  public let customers: [Judged]
  /// What had been bought, or rated, when the window began.
  public let boughtBefore: PairSets
  /// Which products may be listed, by index.
  public let eligible: [Bool]
  /// The ratings that RMSE is of; nil = it is of the rows' probabilities.
  public let ratings: JudgedRatings?

  /// Number of rows that products are ranked for.
  public var count: Int { customers.reduce(0) { $0 + $1.bought.count + $1.unbought.count } }

  /// Number of rows that RMSE is taken over.
  public var judgedRows: Int { ratings?.count ?? count }

  /// Which customers are asked about, by index.
  public var judgedCustomers: [Bool] {
    var isJudged = [Bool](repeating: false, count: boughtBefore.rows)
    for judged in customers { isJudged[judged.customer] = true }
    for rated in ratings?.customers ?? [] { isJudged[rated.customer] = true }
    return isJudged
  }

  /// The rows of some customers alone.
  func only(_ chosen: [Bool]) -> JudgingRows {
    JudgingRows(
      window: window, customers: customers.filter { chosen[$0.customer] }, boughtBefore: boughtBefore,
      eligible: eligible, ratings: ratings?.only(chosen))
  }

  private init(
    window: Window, customers: [Judged], boughtBefore: PairSets, eligible: [Bool], ratings: JudgedRatings?
  ) {
    self.ratings = ratings
    self.window = window
    self.customers = customers
    self.boughtBefore = boughtBefore
    self.eligible = eligible
  }

  /// Builds the rows of a tenant without ratings, or with too few. Complexity: O(n log n + rows).
  public init(of interactions: Interactions, window: Window, eligible: [Bool], seed: UInt64) {
    self.init(of: interactions, window: window, eligible: eligible, ratings: nil, seed: seed)
  }

  /// Builds the rows. Complexity: O(n log n + rows).
  ///
  /// - Parameter ratings: those of the window that RMSE is to be of; nil = it is of probabilities.
  public init(
    of interactions: Interactions, window: Window, eligible: [Bool], ratings: JudgedRatings?, seed: UInt64
  ) {
    self.init(
      of: interactions.history(through: window.through), after: window.after, eligible: eligible, ratings: ratings,
      seed: seed)
  }

  /// Builds those of a window that ends with a history.
  init(of history: History, after: Int64, eligible: [Bool], ratings: JudgedRatings? = nil, seed: UInt64) {
    precondition(eligible.count == history.products, "eligibility must be known for each product")
    let before = history.before(after)
    let meanRating = before.meanRating()
    let boughtBefore = before.possessions()
    let (liked, had) = history.likings(meanRating: meanRating)
    var draw = NegativeDraw(eligible: eligible, boughtBefore: boughtBefore, seed: seed)
    var judged: [Judged] = []
    for customer in 0..<history.customers where !boughtBefore[customer].isEmpty {
      let bought = liked[customer].filter { !boughtBefore.contains($0, in: customer) }
      guard !bought.isEmpty else { continue }
      let disliked = had[customer].filter {
        !boughtBefore.contains($0, in: customer) && !liked.contains($0, in: customer)
      }.prefix(bought.count)
      let drawn = draw.products(bought.count - disliked.count) { had.contains($0, in: customer) }
      judged.append(Judged(customer: customer, bought: bought, unbought: (disliked + drawn).sorted()))
    }
    window = Window(after: after, through: history.cut)
    self.boughtBefore = boughtBefore
    self.eligible = eligible
    self.ratings = ratings
    customers = judged
  }
}
