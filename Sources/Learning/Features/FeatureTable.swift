import Foundation

/// The features of any customer and product as they stood at a history's cut: the one definition, for training as for serving.
///
/// Everything is reckoned from the history, so nothing after the cut can change a feature. A value that is not known is NaN.
/// Counts and sums over periods end at the cut: the last 7 days, the last 30, the 30 before, all time.
public struct FeatureTable: Sendable {
  private let history: History
  private let traits: Traits
  /// What the moment means, alike for everybody.
  private let moment: [Float]
  private let customers: [Activity]
  private let productPrices: [Float]
  /// Values of each product's own, [products × activity values].
  private let productValues: [Float]
  /// Acts of each customer in order of time, and where each customer's start.
  private let acts: (rows: [UInt32], offsets: [Int])
  /// Purchases by category, of all customers together.
  private let categories: GroupAffinity
  private let segmentProducts: GroupAffinity
  private let regionProducts: GroupAffinity
  private let segmentCodes: [Float]
  private let regionCodes: [Float]
  private let categoryCodes: [Float]

  /// Reckons a history up. Complexity: O(rows + groups × products).
  public init(_ history: History, traits: Traits) {
    precondition(traits.categories.ofProduct.count == history.products, "each product needs a category or none")
    precondition(traits.segments.ofCustomer.count == history.customers, "each customer needs a segment or none")
    var customers = [Activity](repeating: Activity(), count: history.customers)
    var products = [Activity](repeating: Activity(), count: history.products)
    var categories = GroupAffinity(rows: 0, columns: traits.categories.names.count)
    var segments = GroupAffinity(rows: traits.segments.names.count, columns: history.products)
    var regions = GroupAffinity(rows: traits.regions.names.count, columns: history.products)
    for act in history.acts {
      let (customer, product) = (Int(act.customer), Int(act.product))
      customers[customer].add(act, of: history)
      products[product].add(act, of: history)
      guard act.kind == .purchase else { continue }
      let category = traits.categories.ofProduct[product]
      if category >= 0 { categories.addToAll(column: category) }
      let (segment, region) = (traits.segments.ofCustomer[customer], traits.regions.ofCustomer[customer])
      if segment >= 0 { segments.add(row: segment, column: act.product) }
      if region >= 0 { regions.add(row: region, column: act.product) }
    }
    self.history = history
    self.traits = traits
    let calendar = BusinessCalendar(time: history.cut)
    moment = [Float(calendar.daysToPayDay), calendar.seasonSine, calendar.seasonCosine]
    self.customers = customers
    productPrices = products.map(\.logPrice)
    productValues = products.flatMap(\.values)
    acts = history.actsByCustomer()
    (self.categories, segmentProducts, regionProducts) = (categories, segments, regions)
    segmentCodes = traits.segments.names.map(groupCode)
    regionCodes = traits.regions.names.map(groupCode)
    categoryCodes = traits.categories.names.map(groupCode)
  }

  /// What each value of a row is, in its order.
  public static let names: [String] =
    ["days-to-pay-day", "season-sine", "season-cosine"]
    + Activity.names.map { "customer-\($0)" } + Activity.names.map { "product-\($0)" }
    + [
      "pair-views-week", "pair-views-month", "pair-impressions", "pair-response-rate", "pair-days-since-act",
      "price-ratio", "category-affinity", "segment-affinity", "region-affinity", "segment", "region", "category",
    ]

  /// One customer's rows under way.
  public struct Customer {
    fileprivate let own: [Float]
    fileprivate let price: Float
    fileprivate let segment: Int32
    fileprivate let region: Int32
    /// Acts with each product other than purchases.
    fileprivate var pairs: [Int32: Activity] = [:]
    /// Purchases by category, and all of them.
    fileprivate var categories: [Int32: Float] = [:]
    fileprivate var purchases: Float = 0
  }

  /// What the rows of a customer have in common. Complexity: O(the customer's acts).
  public func customer(_ index: Int) -> Customer {
    var customer = Customer(
      own: moment + customers[index].values, price: customers[index].logPrice,
      segment: traits.segments.ofCustomer[index], region: traits.regions.ofCustomer[index])
    for position in acts.offsets[index]..<acts.offsets[index + 1] {
      let act = history.act(Int(acts.rows[position]))
      guard act.kind == .purchase else {
        customer.pairs[act.product, default: Activity()].add(act, of: history)
        continue
      }
      let category = traits.categories.ofProduct[Int(act.product)]
      guard category >= 0 else { continue }
      customer.categories[category, default: 0] += 1
      customer.purchases += 1
    }
    return customer
  }

  /// Appends the row of a customer and a product, as many values as there are names.
  public func append(_ customer: Customer, product: Int, to row: inout [Float]) {
    let p = Int32(product)
    let pair = customer.pairs.isEmpty ? Activity.none : customer.pairs[p] ?? .none
    let category = traits.categories.ofProduct[product]
    row += customer.own
    row += productValues[product * Activity.names.count..<(product + 1) * Activity.names.count]
    row.append(pair.views.week)
    row.append(pair.views.month)
    row.append(pair.impressions.ever)
    row.append(pair.responseRate)
    row.append(pair.lastAge)
    row.append(productPrices[product] - customer.price)
    row.append(
      category < 0
        ? .nan
        : categories.logLift(of: customer.categories[category] ?? 0, among: customer.purchases, column: category))
    row.append(segmentProducts.logLift(row: customer.segment, column: p))
    row.append(regionProducts.logLift(row: customer.region, column: p))
    row.append(customer.segment < 0 ? .nan : segmentCodes[Int(customer.segment)])
    row.append(customer.region < 0 ? .nan : regionCodes[Int(customer.region)])
    row.append(category < 0 ? .nan : categoryCodes[Int(category)])
  }
}

extension Activity {
  static let none = Activity()

  fileprivate static let names = [
    "purchases-week", "purchases-month", "purchases", "purchases-rise", "spending-month", "spending-rise", "value",
    "views-week", "views-month", "views-rise", "impressions-month", "impressions", "response-rate", "frequency",
    "recency", "tenure", "price",
  ]

  /// As many values as there are names.
  fileprivate var values: [Float] {
    [
      purchases.week, purchases.month, purchases.ever, purchases.rise, spending.month,
      log(max(1, spending.month + 1) / max(1, spending.monthBefore + 1)), log1p(max(0, spending.ever)),
      views.week, views.month, views.rise, impressions.month, impressions.ever, responseRate, purchaseDays,
      lastPurchaseAge, firstAge, logPrice,
    ]
  }

  /// Takes in an act of a history; acts come in order of time.
  fileprivate mutating func add(_ act: Interactions.Row, of history: History) {
    add(
      act.kind, revenue: act.revenue, ageDays: Double(history.cut - act.time) / microsecondsPerDay,
      day: Int((Double(act.time) / microsecondsPerDay).rounded(.down)))
  }
}
