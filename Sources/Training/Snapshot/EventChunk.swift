import Learning
import Messages

/// The event columns of one chunk, checked against each other and put into this room's terms.
struct EventChunk {
  let customerIDs: [String]
  let productIDs: [String]
  /// Index into `customerIDs`.
  let customer: [Int]
  /// Index into `productIDs`; nil = no product.
  let product: [Int?]
  /// nil = says nothing about a product.
  let kind: [InteractionKind?]
  /// µs.
  let time: [Int64]
  let quantity: [Int64]
  let revenue: [Int64]
  let rating: [Double]

  /// Number of rows.
  var count: Int { time.count }

  /// Checks lengths, indexes, kinds and times.
  init(_ events: View<Proto.EventColumns>) throws(TrainingError) {
    customerIDs = events.strings(\.n_customer_ids, \.customer_ids)
    productIDs = events.strings(\.n_product_ids, \.product_ids)
    let customer = events.scalars(\.n_customer, \.customer)
    let product = events.scalars(\.n_product, \.product)
    let kind = events.scalars(\.n_kind, \.kind)
    let deltas = events.scalars(\.n_occurred_at_delta_us, \.occurred_at_delta_us)
    quantity = events.scalars(\.n_quantity, \.quantity)
    revenue = events.scalars(\.n_revenue, \.revenue)
    rating = events.scalars(\.n_rating, \.rating)
    let lengths = [customer.count, product.count, kind.count, quantity.count, revenue.count, rating.count]
    guard lengths.allSatisfy({ $0 == deltas.count }) else {
      throw .snapshot("the columns of an event chunk have \(deltas.count) and \(lengths) rows")
    }
    let (customerCount, productCount) = (customerIDs.count, productIDs.count)
    guard customer.allSatisfy({ $0 < customerCount }), product.allSatisfy({ $0 <= productCount }) else {
      throw .snapshot("an event points outside its chunk's dictionaries")
    }
    guard !quantity.contains(where: { $0 < 0 }) else { throw .snapshot("an event has a negative quantity") }
    self.customer = customer.map { Int($0) }
    self.product = product.map { $0 == 0 ? nil : Int($0) - 1 }
    self.kind = try Self.kinds(kind)
    time = try Self.times(deltas)
  }

  private static func kinds(_ kinds: [Proto.EventKind]) throws(TrainingError) -> [InteractionKind?] {
    var read: [InteractionKind?] = []
    read.reserveCapacity(kinds.count)
    for kind in kinds { read.append(try InteractionKind.read(kind)) }
    return read
  }

  private static func times(_ deltas: [Int64]) throws(TrainingError) -> [Int64] {
    var times: [Int64] = []
    times.reserveCapacity(deltas.count)
    var now: Int64 = 0
    for delta in deltas {
      let (next, overflow) = now.addingReportingOverflow(delta)
      guard !overflow, next >= 0 else { throw .snapshot("an event's time lies before 1970 or past all time") }
      now = next
      times.append(now)
    }
    return times
  }
}

extension InteractionKind {
  /// The contract's enum; nil for searches, which name no product.
  static func read(_ kind: Proto.EventKind) throws(TrainingError) -> InteractionKind? {
    switch kind {
    case .view: .view
    case .search: nil
    case .impression: .impression
    case .suggestion: .suggestion
    case .click: .click
    case .accept: .accept
    case .reject: .reject
    case .override: .override
    case .addToBasket: .addToBasket
    case .purchase: .purchase
    case .`return`: .giveBack
    case .rating: .rating
    default: throw .snapshot("events of the kind \(kind.rawValue) are not known; update the trainer")
    }
  }
}
