import Foundation

/// The features of any customer and product as they stood at a history's cut: the one definition, for training as for serving.
///
/// Everything is reckoned from the history, so nothing after the cut can change a feature. A value that is not known is NaN.
/// Counts and sums over periods end at the cut: the last 7 days, the last 30, the 30 before, all time.
public struct FeatureTable: Sendable {
  private let traits: Traits
  private let calendar: BusinessCalendar
  private let customers: [Activity]
  private let products: [Activity]
  /// Acts of one customer with one product other than purchases, by `pairKey`.
  private let pairs: [UInt64: Activity]
  private let customerCategories: GroupAffinity
  private let segmentProducts: GroupAffinity
  private let regionProducts: GroupAffinity

  /// Reckons a history up. Complexity: O(rows).
  public init(_ history: History, traits: Traits) {
    precondition(traits.category.count == history.products, "each product needs a category or none")
    precondition(traits.segments.ofCustomer.count == history.customers, "each customer needs a segment or none")
    var customers = [Activity](repeating: Activity(), count: history.customers)
    var products = [Activity](repeating: Activity(), count: history.products)
    var pairs: [UInt64: Activity] = [:]
    var (categories, segments, regions) = (GroupAffinity(), GroupAffinity(), GroupAffinity())
    for act in history.acts {
      let ageDays = Double(history.cut - act.time) / microsecondsPerDay
      let day = Int((Double(act.time) / microsecondsPerDay).rounded(.down))
      let (customer, product) = (Int(act.customer), Int(act.product))
      customers[customer].add(act.kind, revenue: act.revenue, ageDays: ageDays, day: day)
      products[product].add(act.kind, revenue: act.revenue, ageDays: ageDays, day: day)
      guard act.kind == .purchase else {
        pairs[Self.pairKey(act.customer, act.product), default: Activity()]
          .add(act.kind, revenue: act.revenue, ageDays: ageDays, day: day)
        continue
      }
      if traits.category[product] >= 0 { categories.add(row: act.customer, column: traits.category[product]) }
      let (segment, region) = (traits.segments.ofCustomer[customer], traits.regions.ofCustomer[customer])
      if segment >= 0 { segments.add(row: segment, column: act.product) }
      if region >= 0 { regions.add(row: region, column: act.product) }
    }
    self.traits = traits
    calendar = BusinessCalendar(time: history.cut)
    (self.customers, self.products, self.pairs) = (customers, products, pairs)
    (customerCategories, segmentProducts, regionProducts) = (categories, segments, regions)
  }

  /// What each value of a row is, in its order.
  public static let names: [String] =
    ["days-to-pay-day", "season-sine", "season-cosine"]
    + activityNames.map { "customer-\($0)" } + activityNames.map { "product-\($0)" }
    + [
      "pair-views-week", "pair-views-month", "pair-impressions", "pair-response-rate", "pair-days-since-act",
      "price-ratio", "category-affinity", "segment-affinity", "region-affinity", "segment", "region", "category",
    ]

  /// Appends the row of a customer and a product, as many values as there are names.
  public func append(customer: Int, product: Int, to row: inout [Float]) {
    let (own, its) = (customers[customer], products[product])
    let (c, p) = (Int32(customer), Int32(product))
    let pair = pairs[Self.pairKey(c, p)] ?? Activity()
    let segment = traits.segments.ofCustomer[customer]
    let region = traits.regions.ofCustomer[customer]
    let category = traits.category[product]
    row.append(Float(calendar.daysToPayDay))
    row.append(calendar.seasonSine)
    row.append(calendar.seasonCosine)
    Self.append(own, to: &row)
    Self.append(its, to: &row)
    row.append(pair.views.week)
    row.append(pair.views.month)
    row.append(pair.impressions.ever)
    row.append(pair.responseRate)
    row.append(pair.lastAge)
    row.append(its.logPrice - own.logPrice)
    row.append(customerCategories.logLift(row: category < 0 ? -1 : c, column: category))
    row.append(segmentProducts.logLift(row: segment, column: p))
    row.append(regionProducts.logLift(row: region, column: p))
    for group in [segment, region, category] { row.append(group < 0 ? .nan : Float(group)) }
  }

  private static let activityNames = [
    "purchases-week", "purchases-month", "purchases", "purchases-rise", "spending-month", "spending-rise", "value",
    "views-week", "views-month", "views-rise", "impressions-month", "impressions", "response-rate", "frequency",
    "recency", "tenure", "price",
  ]

  private static func append(_ activity: Activity, to row: inout [Float]) {
    row.append(activity.purchases.week)
    row.append(activity.purchases.month)
    row.append(activity.purchases.ever)
    row.append(activity.purchases.rise)
    row.append(activity.spending.month)
    row.append(log(max(1, activity.spending.month + 1) / max(1, activity.spending.monthBefore + 1)))
    row.append(log1p(max(0, activity.spending.ever)))
    row.append(activity.views.week)
    row.append(activity.views.month)
    row.append(activity.views.rise)
    row.append(activity.impressions.month)
    row.append(activity.impressions.ever)
    row.append(activity.responseRate)
    row.append(activity.purchaseDays)
    row.append(activity.lastPurchaseAge)
    row.append(activity.firstAge)
    row.append(activity.logPrice)
  }

  private static func pairKey(_ customer: Int32, _ product: Int32) -> UInt64 {
    UInt64(UInt32(customer)) << 32 | UInt64(UInt32(product))
  }
}
