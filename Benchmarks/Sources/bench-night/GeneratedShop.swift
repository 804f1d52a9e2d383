import Commerce

/// Customers of several tastes who look at and buy what their taste likes, in a catalogue of which a part is in season.
struct GeneratedShop {
  static let days = 371
  private static let start: Int64 = 1_704_067_200_000_000  // 2024-01-01
  private static let day: Int64 = 86_400_000_000
  private static let tastes = 12
  /// Of ten events so many are purchases, the others views.
  private static let purchasesOfTen = 5

  let customers: Int
  let products: Int
  let events: Int

  func time(day: Int) -> Timestamp { Timestamp(microseconds: Self.start + Int64(day) * Self.day) }

  static func customer(_ index: Int) -> String { "customer-\(index)" }
  static func product(_ index: Int) -> String { "product-\(index)" }

  /// The customers, of four segments.
  func customerRows() throws -> [Customer] {
    try (0..<customers).map { index in
      var customer = Customer(id: try CustomerID(Self.customer(index)))
      customer.segment = "segment-\(index % 4)"
      return customer
    }
  }

  func productRows() throws -> [Product] {
    try (0..<products).map { Product(id: try ProductID(Self.product($0))) }
  }

  /// One batch of the events of the tenant that `seed` names, in order of time; the same each time.
  func batch(_ range: Range<Int>, seed: UInt64) throws -> [Event] {
    try range.map { number in
      var random = Draw(seed: seed &* 1_000_003 &+ UInt64(number))
      let customer = random.below(customers)
      let likes = random.below(10) < 7
      let taste = likes ? customer % Self.tastes : random.below(Self.tastes)
      let season = number * 4 / max(1, events)
      // Squared: few products sell often.
      let place = random.below(1_000) * random.below(1_000) / 1_000 * products / Self.tastes / 1_000
      let product = (place * Self.tastes + taste + season) % products
      var event = Event(
        id: try EventID("e-\(number)"), kind: random.below(10) < Self.purchasesOfTen ? .purchase : .view,
        customer: try CustomerID(Self.customer(customer)),
        occurredAt: Timestamp(
          microseconds: Self.start + Int64(number) * (Int64(Self.days) * Self.day / Int64(max(1, events)))))
      event.product = try ProductID(Self.product(product))
      event.quantity = event.kind == .purchase ? Int64(1 + random.below(4)) : 0
      return event
    }
  }
}

/// SplitMix64.
private struct Draw {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ (z >> 31)) % UInt64(bound))
  }
}
