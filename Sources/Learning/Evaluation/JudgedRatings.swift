/// The ratings that all candidates of a night have to tell: what RMSE is of where a tenant has enough of them.
///
/// For each customer, new ones included, the latest rating within the window of every product that they had not rated before
/// it. A candidate's answer is its score mapped to a rating by its own `RatingCalibration`; the error is the answer less the
/// rating given, as a part of the scale, which runs from the least to the greatest rating known before the window: so RMSE
/// lies within 0 and 1 for every tenant, whatever people there rate on. A rating beyond the scale counts as its end.
public struct JudgedRatings: Sendable {
  /// One customer's ratings.
  public struct Rated: Sendable {
    /// Index of the customer.
    public let customer: Int
    /// What was rated, ascending.
    public let products: [Int32]
    /// The rating of each.
    public let ratings: [Double]
    /// What each was likely to be by who rated and what, reckoned from what was known before the window.
    let baselines: [Double]
  }

  /// Ratings that must be known before the window.
  public static let leastKnown = 500
  /// Ratings that must be given within it.
  public static let leastJudged = 250
  /// Customers who must have given them.
  public static let leastCustomers = 25

  /// By index of the customer.
  public let customers: [Rated]
  /// Least and greatest rating known before the window.
  public let scale: ClosedRange<Double>

  /// Number of ratings.
  public var count: Int { customers.reduce(0) { $0 + $1.products.count } }

  /// Gathers a window's ratings; nil where there are fewer than must be, or all known ones are alike.
  ///
  /// Complexity: O(rows up to the window's end).
  public init?(of interactions: Interactions, window: Window) {
    guard interactions.hasRatings else { return nil }
    let known = interactions.history(through: window.after).ratings()
    guard known.count >= Self.leastKnown, let low = known.value.min(), let high = known.value.max(), low < high
    else { return nil }
    let scale = low...high
    self.scale = scale
    let before = known.pairs()
    let asked = interactions.history(through: window.through).ratings {
      $0.time > window.after && !before.contains($0.product, in: Int($0.customer))
    }
    let baseline = RatingBaseline(known)
    let starts = asked.user[...].offsets(rows: asked.users)
    customers = (0..<asked.users).compactMap { customer in
      let rows = starts[customer]..<starts[customer + 1]
      guard !rows.isEmpty else { return nil }
      let products = Array(asked.item[rows])
      return Rated(
        customer: customer, products: products, ratings: rows.map { scale.clamp(asked.value[$0]) },
        baselines: products.map { baseline.rating(customer: customer, product: Int($0)) })
    }
    guard asked.count >= Self.leastJudged, customers.count >= Self.leastCustomers else { return nil }
  }

  private init(customers: [Rated], scale: ClosedRange<Double>) { (self.customers, self.scale) = (customers, scale) }

  /// The ratings of some customers alone.
  func only(_ chosen: [Bool]) -> JudgedRatings {
    JudgedRatings(customers: customers.filter { chosen[$0.customer] }, scale: scale)
  }

  /// What a scorer says of each rating, customer after customer.
  func scores(of scorer: Scorer) -> [Double] {
    customers.flatMap { rated in
      let all = scorer.opinions(of: rated.customer)
      return rated.products.map { Double(all[Int($0)]) }
    }
  }

  /// The calibration that suits these scores best.
  func calibration(_ scores: [Double]) -> RatingCalibration {
    RatingCalibration(scores: scores, baselines: customers.flatMap(\.baselines), ratings: customers.flatMap(\.ratings))
  }

  /// √ of the mean squared error, and each customer's mean squared error, as parts of the scale and of its square.
  func errors(_ scores: [Double], _ calibration: RatingCalibration) -> (rmse: Double, ofCustomer: [Double]) {
    let width = scale.upperBound - scale.lowerBound
    var (sum, row) = (0.0, 0)
    let ofCustomer = customers.map { rated in
      var own = 0.0
      for (rating, baseline) in zip(rated.ratings, rated.baselines) {
        let error = (calibration.rating(scores[row], baseline: baseline, within: scale) - rating) / width
        own += error * error
        row += 1
      }
      sum += own
      return own / Double(rated.ratings.count)
    }
    return ((sum / Double(max(1, row))).squareRoot(), ofCustomer)
  }
}
