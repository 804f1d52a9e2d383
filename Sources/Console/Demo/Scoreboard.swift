import Commerce
import Learning

/// How often the lists that were live held something that the customer then bought for the first time, and how often the
/// products that sell best would have, on the same customers and nights.
struct Scoreboard: Sendable {
  /// What is counted of a tenant.
  struct Tally: Sendable, Equatable {
    /// Customers who bought something for the first time in a window and had a list when it began, each once.
    fileprivate(set) var customers = Set<Int32>()
    /// The same, each once a night.
    fileprivate(set) var lists = 0
    fileprivate(set) var hits = 0
    fileprivate(set) var popularHits = 0

    /// Share of lists with a hit; nil before the first.
    var hitRate: Double? { lists == 0 ? nil : Double(hits) / Double(lists) }
    /// The same for popularity's lists.
    var popularHitRate: Double? { lists == 0 ? nil : Double(popularHits) / Double(lists) }
  }

  /// Fewer judged customers say nothing.
  static let minimumCustomers = 25
  /// Length of the lists that are judged.
  static let listLength = UInt32(Metrics.listLength)
  /// Days in which a first purchase counts.
  static let windowDays = 28

  private let interactions: Interactions
  /// When each customer first bought each product.
  private let firstPurchase: [Int32: [Int32: Int64]]
  private(set) var tally = Tally()

  init(_ shop: OnlineRetail.Shop) {
    interactions = Interactions(
      customers: shop.customers.count, products: shop.products.count,
      rows: shop.lines.map { line in
        Interactions.Row(
          customer: line.customer, product: line.product, kind: line.quantity > 0 ? .purchase : .giveBack,
          time: line.time.microseconds, quantity: abs(line.quantity))
      })
    var first: [Int32: [Int32: Int64]] = [:]
    for line in shop.lines where line.quantity > 0 && first[line.customer]?[line.product] == nil {
      first[line.customer, default: [:]][line.product] = line.time.microseconds
    }
    firstPurchase = first
  }

  /// Customers who had bought anything by then, in order of index.
  func customers(at asOf: Timestamp) -> [Int32] {
    firstPurchase.filter { $1.values.contains { $0 <= asOf.microseconds } }.keys.sorted()
  }

  /// Judges the lists that were live after the night of `asOf`: the first ten products, best first, of each customer that
  /// had a list.
  mutating func judge(_ lists: [Int32: [Int32]], asOf: Timestamp) {
    let window = asOf.microseconds...asOf.adding(days: Self.windowDays).microseconds
    let history = interactions.history(through: window.lowerBound)
    let purchases = history.purchases()
    let popularity = Popularity(
      history, segments: .none(customers: interactions.customers),
      halfLifeDays: Recipe.popularity.trendHalfLifeDays
    ).overall
    var top = TopProducts(length: Metrics.listLength, eligible: popularity.map { $0 > 0 })
    for (customer, list) in lists.sorted(by: { $0.key < $1.key }) {
      guard let first = firstPurchase[customer] else { continue }
      let bought = Set(first.filter { $1 > window.lowerBound && $1 <= window.upperBound }.keys)
      guard !bought.isEmpty else { continue }
      let popular = top.select(popularity, excluding: purchases[Int(customer)]).map(\.product)
      tally.customers.insert(customer)
      tally.lists += 1
      tally.hits += Metrics.hit(list, relevant: bought) ? 1 : 0
      tally.popularHits += Metrics.hit(popular, relevant: bought) ? 1 : 0
    }
  }
}
