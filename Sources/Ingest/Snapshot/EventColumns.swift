import GRDB
import Messages

/// The events of one chunk, column by column, with the chunk's own dictionaries.
struct EventColumns {
  /// Keys in the order in which they were first met, and their places in it.
  private struct Dictionary {
    private(set) var keys: [Int64] = []
    private var places: [Int64: UInt32] = [:]

    mutating func place(of key: Int64) -> UInt32 {
      if let place = places[key] { return place }
      places[key] = UInt32(keys.count)
      keys.append(key)
      return UInt32(keys.count - 1)
    }
  }

  private var customers = Dictionary()
  private var products = Dictionary()
  private var offers = Dictionary()
  private var currencies: [String] = []
  private var customer: [UInt32] = []
  private var product: [UInt32] = []
  private var offer: [UInt32] = []
  private var kind: [Proto.EventKind] = []
  private var occurredDelta: [Int64] = []
  private var quantity: [Int64] = []
  private var revenue: [Int64] = []
  private var currency: [UInt32] = []
  private var rating: [Double] = []
  private var channel: [Proto.SalesChannel] = []

  var count: Int { customer.count }

  /// Takes up the events behind `key`; returns the last one's key, or nil where there is none.
  mutating func read(_ range: SnapshotRange, after key: UInt64, _ database: Database) throws -> UInt64? {
    let rows = try HotStatement(
      database,
      """
      SELECT sequence, customer, product, offer, kind, occurred_us, quantity, revenue, currency, rating, channel
      FROM event WHERE sequence > ? AND sequence <= ? AND occurred_us <= ?
      ORDER BY sequence LIMIT \(IngestLimits.eventsPerChunk)
      """)
    rows.bind(Int64(key), 1)
    rows.bind(range.bound, 2)
    rows.bind(range.asOf.microseconds, 3)
    defer { rows.reset() }
    var last: UInt64?
    var occurredBefore: Int64 = 0
    while try rows.step() {
      last = UInt64(rows.integer(0))
      customer.append(customers.place(of: rows.integer(1)))
      product.append(rows.isNull(2) ? 0 : products.place(of: rows.integer(2)) + 1)
      offer.append(rows.isNull(3) ? 0 : offers.place(of: rows.integer(3)) + 1)
      kind.append(Proto.EventKind(rawValue: UInt32(truncatingIfNeeded: rows.integer(4))))
      occurredDelta.append(rows.integer(5) &- occurredBefore)
      occurredBefore = rows.integer(5)
      quantity.append(rows.integer(6))
      revenue.append(rows.integer(7))
      currency.append(rows.isNull(8) ? 0 : place(ofCurrency: rows.text(8)) + 1)
      rating.append(rows.isNull(9) ? .nan : rows.double(9))
      channel.append(Proto.SalesChannel(rawValue: UInt32(truncatingIfNeeded: rows.integer(10))))
    }
    return last
  }

  /// Writes the contract's message; ids are looked up by key.
  func fill(_ draft: Draft<Proto.EventColumns>, _ database: Database) throws {
    func ids(_ dictionary: Dictionary, _ table: EntityTable) throws -> [String] {
      try dictionary.keys.map { try Interner.id(of: $0, in: table, database) }
    }
    draft.strings(\.n_customer_ids, \.customer_ids, try ids(customers, .customer))
    draft.strings(\.n_product_ids, \.product_ids, try ids(products, .product))
    draft.strings(\.n_offer_ids, \.offer_ids, try ids(offers, .offer))
    draft.strings(\.n_currencies, \.currencies, currencies)
    draft.scalars(\.n_customer, \.customer, customer)
    draft.scalars(\.n_product, \.product, product)
    draft.scalars(\.n_offer, \.offer, offer)
    draft.scalars(\.n_kind, \.kind, kind)
    draft.scalars(\.n_occurred_at_delta_us, \.occurred_at_delta_us, occurredDelta)
    draft.scalars(\.n_quantity, \.quantity, quantity)
    draft.scalars(\.n_revenue, \.revenue, revenue)
    draft.scalars(\.n_currency, \.currency, currency)
    draft.scalars(\.n_rating, \.rating, rating)
    draft.scalars(\.n_channel, \.channel, channel)
  }

  /// A tenant has one currency, rarely a few.
  private mutating func place(ofCurrency code: String) -> UInt32 {
    if let place = currencies.lastIndex(of: code) { return UInt32(place) }
    currencies.append(code)
    return UInt32(currencies.count - 1)
  }
}
