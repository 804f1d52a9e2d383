import Foundation

/// How much of something happened in the periods before a moment.
struct Periods: Sendable {
  /// In the last 7 days.
  private(set) var week: Float = 0
  /// In the last 30 days.
  private(set) var month: Float = 0
  /// In the 30 days before those.
  private(set) var monthBefore: Float = 0
  private(set) var ever: Float = 0

  static let weekDays = 7.0
  static let monthDays = 30.0

  mutating func add(_ amount: Float, ageDays: Double) {
    ever += amount
    if ageDays < Self.weekDays { week += amount }
    if ageDays < Self.monthDays {
      month += amount
    } else if ageDays < 2 * Self.monthDays {
      monthBefore += amount
    }
  }

  /// Logarithm of the last month's over the month before's, each with one added.
  var rise: Float { log((month + 1) / (monthBefore + 1)) }
}

/// What one customer did, or what was done with one product, or one with the other, up to a moment.
struct Activity: Sendable {
  private(set) var purchases = Periods()
  /// Minor units.
  private(set) var spending = Periods()
  /// Views and clicks.
  private(set) var views = Periods()
  /// Times shown, of the tenant's own accord.
  private(set) var impressions = Periods()
  /// Clicks, acceptances and baskets less rejections.
  private(set) var responses = Periods()
  /// Different days with a purchase.
  private(set) var purchaseDays: Float = 0
  /// Days since the first and the last act, and since the last purchase; NaN = none.
  private(set) var firstAge = Float.nan
  private(set) var lastAge = Float.nan
  private(set) var lastPurchaseAge = Float.nan
  private var lastPurchaseDay = Int.min

  /// Takes in an act; acts come in order of time.
  ///
  /// - Parameter day: the act's day, by which purchase days are told apart.
  mutating func add(_ kind: InteractionKind, revenue: Int64, ageDays: Double, day: Int) {
    if firstAge.isNaN { firstAge = Float(ageDays) }
    lastAge = Float(ageDays)
    switch kind {
    case .purchase:
      purchases.add(1, ageDays: ageDays)
      spending.add(Float(revenue), ageDays: ageDays)
      if day != lastPurchaseDay { purchaseDays += 1 }
      (lastPurchaseDay, lastPurchaseAge) = (day, Float(ageDays))
    case .giveBack: spending.add(-Float(revenue), ageDays: ageDays)
    case .view: views.add(1, ageDays: ageDays)
    case .click:
      views.add(1, ageDays: ageDays)
      responses.add(1, ageDays: ageDays)
    case .accept, .addToBasket: responses.add(1, ageDays: ageDays)
    case .reject, .override: responses.add(-1, ageDays: ageDays)
    case .impression, .suggestion: impressions.add(1, ageDays: ageDays)
    case .rating: break
    }
  }

  /// Responses for each impression, drawn to 0 by as many impressions as are given here.
  var responseRate: Float { responses.ever / (impressions.ever + Self.priorImpressions) }

  /// Natural logarithm of 1 + what was spent for each purchase, minor units; NaN where nothing was bought.
  var logPrice: Float { purchases.ever > 0 ? log1p(max(0, spending.ever) / purchases.ever) : .nan }

  private static let priorImpressions: Float = 10
}
