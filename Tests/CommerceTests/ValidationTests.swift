import Commerce
import Messages
import Testing

@Suite("Commerce: the limits of the contract")
struct ValidationTests {
  typealias Refusal<M: Message> = (field: String?, change: @Sendable (Draft<M>) -> Void)

  static func attributes(_ draft: Draft<Proto.Customer>, _ count: Int, key: (Int) -> String = { "k\($0)" }) {
    draft.list(\.n_attributes, \.attributes, of: Array(0..<count)) { attribute, index in
      attribute.key = key(index)
      attribute.value_case = .flag
      attribute.flag = true
    }
  }

  static func attribute(_ draft: Draft<Proto.Customer>, _ fill: (Draft<Proto.Attribute>) -> Void) {
    draft.list(\.n_attributes, \.attributes, of: ["key"]) { attribute, key in
      attribute.key = key
      fill(attribute)
    }
  }

  static let customers: [Refusal<Proto.Customer>] = [
    (nil, { _ in }),
    ("id", { $0.id = "" }),
    (nil, { $0.country = text(64) }),
    ("country", { $0.country = text(65) }),
    (nil, { $0.region = text(64) }),
    ("region", { $0.region = text(65) }),
    (nil, { $0.language = text(35) }),
    ("language", { $0.language = text(36) }),
    ("country", { $0.country = "G\u{7}B" }),
    ("region", { $0.region = "a\u{85}b" }),
    ("language", { $0.language = "en\n" }),
    ("segment", { $0.segment = "trade\tlarge" }),
    ("industry", { $0.industry = "\u{7f}" }),
    ("segment", { $0.segment = text(65) }),
    ("industry", { $0.industry = text(65) }),
    (nil, { $0.gender = .other }),
    ("gender", { $0.gender = Proto.Gender(rawValue: 4) }),
    (nil, { $0.birth_year = 1850 }),
    (nil, { $0.birth_year = 2200 }),
    ("birth_year", { $0.birth_year = 1849 }),
    ("birth_year", { $0.birth_year = 2201 }),
    (nil, { $0.first_seen_us = -1 }),
    ("first_seen_us", { $0.first_seen_us = .min }),
    ("first_seen_us", { $0.first_seen_us = .max }),
    (nil, { attributes($0, 64) }),
    ("attributes", { attributes($0, 65) }),
    ("attributes[1].key", { attributes($0, 2) { _ in "same" } }),
    ("attributes[0].key", { attributes($0, 1) { _ in "" } }),
    ("attributes[2].key", { attributes($0, 3) { index in index == 2 ? text(129) : "k\(index)" } }),
    ("attributes[0].value", { attribute($0) { _ in } }),
    (nil, { attribute($0) { ($0.value_case, $0.text) = (.text, text(1024)) } }),
    ("attributes[key].text", { attribute($0) { ($0.value_case, $0.text) = (.text, text(1025)) } }),
    ("attributes[key].number", { attribute($0) { ($0.value_case, $0.number) = (.number, .infinity) } }),
  ]

  @Test("customers", arguments: 0..<customers.count)
  func customer(index: Int) throws {
    let message = Encoded<Proto.Customer> { draft in
      draft.id = "c1"
      Self.customers[index].change(draft)
    }
    #expect(try refusedField(message) { _ = try Customer(validating: $0) } == Self.customers[index].field)
  }

  static func price(_ draft: Draft<Proto.Product>, _ minorUnits: Int64, _ currency: String) {
    draft.message(\.price) { ($0.minor_units, $0.currency) = (minorUnits, currency) }
  }

  static func margin(_ draft: Draft<Proto.Product>, _ minorUnits: Int64, _ currency: String) {
    draft.message(\.margin) { ($0.minor_units, $0.currency) = (minorUnits, currency) }
  }

  static let products: [Refusal<Proto.Product>] = [
    (nil, { _ in }),
    ("id", { $0.id = "a\u{7f}" }),
    (nil, { $0.name = text(256) }),
    ("name", { $0.name = text(257) }),
    (nil, { $0.strings(\.n_category_path, \.category_path, Array(repeating: text(64), count: 16)) }),
    ("category_path", { $0.strings(\.n_category_path, \.category_path, Array(repeating: "c", count: 17)) }),
    ("category_path[1]", { $0.strings(\.n_category_path, \.category_path, ["a", text(65)]) }),
    (nil, { price($0, 0, "GBP") }),
    ("price.currency", { price($0, 1, "gbp") }),
    ("price.minor_units", { price($0, -1, "GBP") }),
    (
      nil,
      {
        price($0, 1, "GBP")
        margin($0, -1, "GBP")
      }
    ),
    (
      "margin.currency",
      {
        price($0, 1, "GBP")
        margin($0, 1, "EUR")
      }
    ),
    ("margin.currency", { margin($0, 1, "GBP") }),
    (nil, { ($0.available_from_us, $0.available_until_us) = (5, 6) }),
    ("available_until_us", { ($0.available_from_us, $0.available_until_us) = (5, 5) }),
    (nil, { $0.available_until_us = 5 }),
    (nil, { $0.strings(\.n_regions, \.regions, Array(repeating: text(64), count: 256)) }),
    ("regions", { $0.strings(\.n_regions, \.regions, Array(repeating: "r", count: 257)) }),
    ("regions[0]", { $0.strings(\.n_regions, \.regions, [text(65)]) }),
  ]

  @Test("products", arguments: 0..<products.count)
  func product(index: Int) throws {
    let message = Encoded<Proto.Product> { draft in
      draft.id = "p1"
      Self.products[index].change(draft)
    }
    #expect(try refusedField(message) { _ = try Product(validating: $0) } == Self.products[index].field)
  }

  static let offers: [Refusal<Proto.Offer>] = [
    (nil, { _ in }),
    ("id", { $0.id = "" }),
    ("product", { $0.product = "" }),
    (nil, { $0.discount_ppm = 1_000_000 }),
    ("discount_ppm", { $0.discount_ppm = 1_000_001 }),
    (nil, { $0.strings(\.n_bundle, \.bundle, Array(repeating: "p", count: 64)) }),
    ("bundle", { $0.strings(\.n_bundle, \.bundle, Array(repeating: "p", count: 65)) }),
    ("bundle[1]", { $0.strings(\.n_bundle, \.bundle, ["p", ""]) }),
    (nil, { $0.scalars(\.n_channels, \.channels, [Proto.SalesChannel.push, .pull]) }),
    ("channels", { $0.scalars(\.n_channels, \.channels, [Proto.SalesChannel.push, .push]) }),
    ("channels[0]", { $0.scalars(\.n_channels, \.channels, [Proto.SalesChannel.unknown]) }),
    ("channel", { $0.scalars(\.n_channels, \.channels, [Proto.SalesChannel(rawValue: 3)]) }),
    ("valid_until_us", { ($0.valid_from_us, $0.valid_until_us) = (7, 6) }),
  ]

  @Test("offers", arguments: 0..<offers.count)
  func offer(index: Int) throws {
    let message = Encoded<Proto.Offer> { draft in
      draft.id = "o1"
      draft.product = "p1"
      Self.offers[index].change(draft)
    }
    #expect(try refusedField(message) { _ = try Offer(validating: $0) } == Self.offers[index].field)
  }

  static func revenue(_ draft: Draft<Proto.Event>, _ minorUnits: Int64, _ currency: String) {
    draft.message(\.revenue) { ($0.minor_units, $0.currency) = (minorUnits, currency) }
  }

  static func margin(_ draft: Draft<Proto.Event>, _ currency: String) {
    draft.message(\.margin) { ($0.minor_units, $0.currency) = (-3, currency) }
  }

  static let events: [Refusal<Proto.Event>] = [
    (nil, { _ in }),
    ("id", { $0.id = "" }),
    ("customer", { $0.customer = "" }),
    ("product", { $0.product = "" }),
    (nil, { ($0.kind, $0.product, $0.query, $0.quantity) = (.search, "", text(256), 0) }),
    ("query", { ($0.kind, $0.product, $0.query) = (.search, "", text(257)) }),
    ("query", { $0.query = "tea" }),
    ("offer", { $0.offer = "\n" }),
    ("kind", { $0.kind = .unknown }),
    ("kind", { $0.kind = Proto.EventKind(rawValue: 13) }),
    ("kind", { $0.kind = Proto.EventKind(rawValue: 266) }),
    (nil, { $0.occurred_at_us = 1 }),
    ("occurred_at_us", { $0.occurred_at_us = 0 }),
    ("occurred_at_us", { $0.occurred_at_us = -1 }),
    ("occurred_at_us", { $0.occurred_at_us = .max }),
    (nil, { $0.quantity = 1_000_000_000 }),
    ("quantity", { $0.quantity = 1_000_000_001 }),
    ("quantity", { $0.quantity = 0 }),
    ("quantity", { ($0.kind, $0.quantity) = (.return, 0) }),
    (nil, { ($0.kind, $0.quantity) = (.view, 0) }),
    ("quantity", { ($0.kind, $0.quantity) = (.view, -1) }),
    (nil, { revenue($0, 0, "GBP") }),
    ("revenue.minor_units", { revenue($0, -1, "GBP") }),
    ("revenue.currency", { revenue($0, 1, "") }),
    (
      nil,
      {
        revenue($0, 1, "GBP")
        margin($0, "GBP")
      }
    ),
    (
      "margin.currency",
      {
        revenue($0, 1, "GBP")
        margin($0, "EUR")
      }
    ),
    ("margin.currency", { margin($0, "GBP") }),
    ("rating", { $0.message(\.rating) { $0.value = 1 } }),
    ("rating", { $0.kind = .rating }),
    (
      nil,
      {
        $0.kind = .rating
        $0.message(\.rating) { $0.value = 0 }
      }
    ),
    (
      "rating.value",
      {
        $0.kind = .rating
        $0.message(\.rating) { $0.value = .nan }
      }
    ),
    ("channel", { $0.channel = Proto.SalesChannel(rawValue: 3) }),
    ("salesperson", { $0.salesperson = text(129) }),
    ("recommendation_id", { $0.recommendation_id = text(129) }),
  ]

  @Test("events", arguments: 0..<events.count)
  func event(index: Int) throws {
    let message = Encoded<Proto.Event> { draft in
      draft.id = "e1"
      draft.customer = "c1"
      draft.product = "p1"
      draft.kind = .purchase
      draft.occurred_at_us = 1_291_191_960_000_000
      draft.quantity = 1
      Self.events[index].change(draft)
    }
    #expect(try refusedField(message) { _ = try Event(validating: $0) } == Self.events[index].field)
  }

  @Test("kinds have the contract's numbers and names that are read again", arguments: EventKind.allCases)
  func kinds(kind: EventKind) throws {
    #expect(try EventKind(validating: kind.proto) == kind)
    #expect(EventKind(name: kind.description) == kind)
    #expect(EventKind.return.proto == .return && EventKind.view.proto == .view && EventKind.rating.proto == .rating)
  }

  @Test("what is written to the contract's messages is read again, and equal values are equal bytes")
  func roundTrip() throws {
    let gbp = try Currency("GBP")
    var customer = Customer(id: try CustomerID("c1"))
    (customer.country, customer.region, customer.language) = ("GB", "north", "en-GB")
    (customer.segment, customer.industry, customer.gender) = ("gold", "retail", .female)
    (customer.birthYear, customer.firstSeen, customer.permissions) = (
      1984, Timestamp(microseconds: -5), [.email, .message]
    )
    customer.attributes = ["b": .number(2.5), "a": .text("x"), "c": .flag(true)]
    let encoded = Encoded<Proto.Customer> { customer.fill($0) }
    #expect(try Customer(validating: encoded.decode()) == customer)
    var shuffled = customer
    shuffled.attributes = [:]
    for key in ["c", "a", "b"] { shuffled.attributes[key] = customer.attributes[key] }
    #expect(Encoded<Proto.Customer> { shuffled.fill($0) } == encoded)

    var product = Product(id: try ProductID("p1"))
    (product.name, product.categoryPath, product.regions) = ("Tea cosy", ["Home", "Kitchen"], ["north", "south"])
    (product.price, product.margin) = (Money(minorUnits: 250, currency: gbp), Money(minorUnits: -3, currency: gbp))
    (product.availableFrom, product.availableUntil) = (Timestamp(microseconds: 5), Timestamp(microseconds: 6))
    product.attributes = ["colour": .text("red")]
    #expect(try Product(validating: Encoded<Proto.Product> { product.fill($0) }.decode()) == product)

    var offer = Offer(id: try OfferID("o1"), product: product.id)
    (offer.discountPPM, offer.bundle, offer.channels) = (50_000, [try ProductID("p2")], [.pull, .push])
    (offer.validFrom, offer.validUntil) = (Timestamp(microseconds: 5), Timestamp(microseconds: 6))
    #expect(try Offer(validating: Encoded<Proto.Offer> { offer.fill($0) }.decode()) == offer)

    var event = Event(
      id: try EventID("e1"), kind: .purchase, customer: customer.id, occurredAt: Timestamp(microseconds: 9))
    (event.product, event.offer, event.quantity, event.channel) = (product.id, offer.id, 3, .push)
    (event.revenue, event.margin) = (Money(minorUnits: 750, currency: gbp), Money(minorUnits: -9, currency: gbp))
    (event.salesperson, event.recommendation) = (try SalespersonID("s1"), try RecommendationID("r1"))
    #expect(try Event(validating: Encoded<Proto.Event> { event.fill($0) }.decode()) == event)
    var rating = Event(
      id: try EventID("e2"), kind: .rating, customer: customer.id, occurredAt: Timestamp(microseconds: 9))
    (rating.product, rating.rating) = (product.id, 0)
    #expect(try Event(validating: Encoded<Proto.Event> { rating.fill($0) }.decode()) == rating)
    var search = Event(
      id: try EventID("e3"), kind: .search, customer: customer.id, occurredAt: Timestamp(microseconds: 9))
    search.query = "tea"
    #expect(try Event(validating: Encoded<Proto.Event> { search.fill($0) }.decode()) == search)
  }
}
