import Commerce
import Messages
import Testing

@testable import Ingest

@Suite("Ingest: snapshots")
struct SnapshotTests {
  /// What a snapshot must hold, kept as simply as can be: every accepted row with its sequence.
  struct History {
    var customers: [(sequence: UInt64, row: Customer)] = []
    var products: [(sequence: UInt64, row: Product)] = []
    var offers: [(sequence: UInt64, row: Offer)] = []
    var events: [(sequence: UInt64, row: Event)] = []

    /// The latest version within the watermark of each row, in the order in which ids were first seen.
    static func latest<Row, ID: Hashable>(
      _ rows: [(sequence: UInt64, row: Row)], _ range: SnapshotRange, order: [ID], id: (Row) -> ID
    ) -> [Row] {
      var latest: [ID: Row] = [:]
      for (sequence, row) in rows where sequence <= range.watermark { latest[id(row)] = row }
      return order.compactMap { latest[$0] }
    }

    func events(in range: SnapshotRange) -> [Event] {
      events.filter { $0.sequence <= range.watermark && $0.row.occurredAt <= range.asOf }.map(\.row)
    }
  }

  /// Rows of all kinds in random order, with repeats, against an intake; returns what was accepted.
  private func write(_ random: inout SplitMix, to intake: Intake, order: inout (c: [CustomerID], p: [ProductID]))
    async throws
    -> History
  {
    var history = History()
    var seen: Set<String> = []
    func meet(_ customer: CustomerID) {
      if seen.insert("c\(customer)").inserted { order.c.append(customer) }
    }
    func meet(_ product: ProductID) {
      if seen.insert("p\(product)").inserted { order.p.append(product) }
    }
    for batch in 0..<60 {
      let rows: Rows
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        rows = .customers(
          try (0..<5).map { _ in
            try Make.customer(
              "c\(Int.random(in: 0..<15, using: &random))", country: ["GB", "FR"].randomElement(using: &random)!)
          })
      case 1:
        rows = .products(
          try (0..<5).map { _ in
            try Make.product(
              "p\(Int.random(in: 0..<9, using: &random))", name: ["a", "b"].randomElement(using: &random)!)
          })
      case 2:
        rows = .offers([try Make.offer("o1", product: "p1", discountPPM: UInt32.random(in: 0..<3, using: &random))])
      default:
        rows = .events(
          try (0..<20).map { index in
            var event = Event(
              id: try EventID("e\(batch)-\(index)"), kind: [.purchase, .view, .rating].randomElement(using: &random)!,
              customer: try CustomerID("c\(Int.random(in: 0..<25, using: &random))"),
              occurredAt: Make.noon.adding(days: -Int.random(in: 0..<10, using: &random)))
            event.product = try ProductID("p\(Int.random(in: 0..<12, using: &random))")
            event.offer = Bool.random(using: &random) ? try OfferID("o1") : nil
            event.quantity = event.kind == .purchase ? Int64.random(in: 1...9, using: &random) : 0
            event.revenue =
              event.kind == .purchase
              ? Money(minorUnits: 7, currency: try Currency(["GBP", "EUR"].randomElement(using: &random)!)) : nil
            event.rating = event.kind == .rating ? 2.5 : nil
            event.channel = [.push, .pull, nil].randomElement(using: &random)!
            return event
          })
      }
      let outcome = try await intake.write(rows)
      var sequence = outcome.sequence - UInt64(outcome.verdicts.count { $0 == .accepted })
      for (index, verdict) in outcome.verdicts.enumerated() {
        if verdict == .accepted { sequence += 1 }
        switch rows {
        case .customers(let rows):
          meet(rows[index].id)
          if verdict == .accepted { history.customers.append((sequence, rows[index])) }
        case .products(let rows):
          meet(rows[index].id)
          if verdict == .accepted { history.products.append((sequence, rows[index])) }
        case .offers(let rows): if verdict == .accepted { history.offers.append((sequence, rows[index])) }
        case .events(let rows):
          meet(rows[index].customer)
          if let product = rows[index].product { meet(product) }
          history.events.append((sequence, rows[index]))
        case .served: break
        }
      }
      #expect(sequence == outcome.sequence)
    }
    return history
  }

  @Test("a snapshot is exactly the rows within watermark and business time, for any history", arguments: 0..<4)
  func equality(seed: Int) async throws {
    var random = SplitMix(state: UInt64(seed))
    let scratch = try Scratch()
    let intake = try scratch.intake()
    var order: (c: [CustomerID], p: [ProductID]) = ([], [])
    let history = try await write(&random, to: intake, order: &order)
    let end = try await intake.state().sequence
    for _ in 0..<30 {
      let range = SnapshotRange(
        asOf: Make.noon.adding(days: -Int.random(in: -1...10, using: &random)),
        watermark: UInt64.random(in: 0...end, using: &random))
      let content = try Content(try await intake.snapshot(range))
      #expect(content.customers == History.latest(history.customers, range, order: order.c) { $0.id })
      #expect(content.products == History.latest(history.products, range, order: order.p) { $0.id })
      #expect(content.offers == History.latest(history.offers, range, order: [try OfferID("o1")]) { $0.id })
      #expect(content.events == history.events(in: range).map(Content.Row.init))
      #expect(
        content.counts == [content.customers.count, content.products.count, content.offers.count, content.events.count])
    }
  }

  @Test("a snapshot read again is the same bytes, also after more was written and after a restart")
  func repeatable() async throws {
    var random = SplitMix(state: 99)
    let scratch = try Scratch()
    var first: [Encoded<Proto.SnapshotChunk>] = []
    var range = SnapshotRange(asOf: Make.noon, watermark: 0)
    do {
      let intake = try scratch.intake()
      var order: (c: [CustomerID], p: [ProductID]) = ([], [])
      _ = try await write(&random, to: intake, order: &order)
      range = SnapshotRange(asOf: Make.noon, watermark: try await intake.state().sequence)
      first = try await intake.snapshot(range)
      _ = try await intake.write(.customers([try Make.customer("c1", country: "DE"), try Make.customer("new")]))
      _ = try await intake.write(.events([try Make.event("late")]))
      #expect(try await intake.snapshot(range) == first)
      intake.close()
    }
    let intake = try scratch.intake()
    #expect(try await intake.snapshot(range) == first)
  }

  @Test("a stream resumed at any chunk goes on with the same bytes and ends with the same counts")
  func resume() async throws {
    let scratch = try Scratch()
    let intake = try scratch.intake()
    // Enough for several chunks of each large table.
    for batch in 0..<5 {
      let events = try (0..<5_000).map {
        try Make.event("e\(batch)-\($0)", customer: "c\($0 % 900)", product: "p\($0 % 70)")
      }
      _ = try await intake.write(.events(events))
      let customers = try (0..<2_000).map { number in
        try Make.customer("c\(batch * 2_000 + number)", country: String(repeating: "x", count: 64))
      }
      _ = try await intake.write(.customers(customers))
      _ = try await intake.write(.products([try Make.product("p\(batch)")]))
    }
    let range = SnapshotRange(asOf: Make.noon, watermark: try await intake.state().sequence)
    let chunks = try await intake.snapshot(range)
    #expect(chunks.count >= 8)
    for (index, chunk) in chunks.enumerated() {
      let token = try #require(try chunk.decode().resume)
      let cursor = try SnapshotCursor(validating: token, watermark: range.watermark)
      let rest = try await intake.snapshot(range, from: cursor)
      // Behind the last chunk there is nothing but the end again.
      #expect(rest == Array(index == chunks.count - 1 ? chunks.suffix(1) : chunks[(index + 1)...]))
    }
  }

  @Test("a tenant without rows has an empty snapshot")
  func empty() async throws {
    let intake = try Scratch().intake()
    let chunks = try await intake.snapshot(SnapshotRange(asOf: Make.noon, watermark: 0))
    #expect(chunks.count == 1)
    let end = try #require(try chunks.first?.decode().end)
    #expect(end.customers == 0 && end.events == 0)
  }

  @Test("a resume token of another snapshot, or none at all, is refused with its field")
  func tokens() throws {
    func refusal(_ watermark: UInt64, _ table: UInt32, _ key: UInt64) throws -> String? {
      let token = try Encoded<Proto.ResumeToken> { draft in
        draft.watermark = watermark
        draft.table = Proto.SnapshotTable(rawValue: table)
        draft.key = key
      }.decode()
      do throws(InvalidField) {
        _ = try SnapshotCursor(validating: token, watermark: 7)
        return nil
      } catch {
        return error.field
      }
    }
    #expect(try refusal(7, 4, 12) == nil)
    #expect(try refusal(8, 4, 12) == "resume.watermark")
    #expect(try refusal(7, 0, 12) == "resume.table")
    #expect(try refusal(7, 5, 12) == "resume.table")
    #expect(try refusal(7, 4, .max) == "resume.key")
  }
}

/// A snapshot's chunks as rows again.
struct Content {
  /// The columns of an event that a snapshot carries.
  struct Row: Equatable {
    let customer: String
    let product: String?
    let offer: String?
    let kind: UInt32
    let occurred: Int64
    let quantity: Int64
    let revenue: Money?
    let rating: Double?
    let channel: UInt32

    init(_ event: Event) {
      customer = event.customer.rawValue
      product = event.product?.rawValue
      offer = event.offer?.rawValue
      kind = event.kind.proto.rawValue
      occurred = event.occurredAt.microseconds
      quantity = event.quantity
      revenue = event.revenue
      rating = event.rating
      channel = event.channel?.proto.rawValue ?? 0
    }

    init(_ columns: Columns, _ row: Int, occurred: Int64) throws {
      customer = columns.customers[Int(columns.customer[row])]
      product = columns.product[row] == 0 ? nil : columns.products[Int(columns.product[row]) - 1]
      offer = columns.offer[row] == 0 ? nil : columns.offers[Int(columns.offer[row]) - 1]
      kind = columns.kind[row].rawValue
      self.occurred = occurred
      quantity = columns.quantity[row]
      revenue =
        columns.currency[row] == 0
        ? nil
        : Money(
          minorUnits: columns.revenue[row], currency: try Currency(columns.currencies[Int(columns.currency[row]) - 1]))
      rating = columns.rating[row].isNaN ? nil : columns.rating[row]
      channel = columns.channel[row].rawValue
    }
  }

  struct Columns {
    let customers, products, offers, currencies: [String]
    let customer, product, offer, currency: [UInt32]
    let kind: [Proto.EventKind]
    let deltas, quantity, revenue: [Int64]
    let rating: [Double]
    let channel: [Proto.SalesChannel]

    init(_ view: View<Proto.EventColumns>) {
      customers = view.strings(\.n_customer_ids, \.customer_ids)
      products = view.strings(\.n_product_ids, \.product_ids)
      offers = view.strings(\.n_offer_ids, \.offer_ids)
      currencies = view.strings(\.n_currencies, \.currencies)
      customer = view.scalars(\.n_customer, \.customer)
      product = view.scalars(\.n_product, \.product)
      offer = view.scalars(\.n_offer, \.offer)
      currency = view.scalars(\.n_currency, \.currency)
      kind = view.scalars(\.n_kind, \.kind)
      deltas = view.scalars(\.n_occurred_at_delta_us, \.occurred_at_delta_us)
      quantity = view.scalars(\.n_quantity, \.quantity)
      revenue = view.scalars(\.n_revenue, \.revenue)
      rating = view.scalars(\.n_rating, \.rating)
      channel = view.scalars(\.n_channel, \.channel)
    }
  }

  private(set) var customers: [Customer] = []
  private(set) var products: [Product] = []
  private(set) var offers: [Offer] = []
  private(set) var events: [Row] = []
  /// What the end says.
  private(set) var counts: [Int] = []

  init(_ chunks: [Encoded<Proto.SnapshotChunk>]) throws {
    for chunk in chunks {
      let view = try chunk.decode()
      customers += try view.list(\.n_customers, \.customers).map { try Customer(validating: $0) }
      products += try view.list(\.n_products, \.products).map { try Product(validating: $0) }
      offers += try view.list(\.n_offers, \.offers).map { try Offer(validating: $0) }
      if let columns = view.events.map(Columns.init) {
        var occurred: Int64 = 0
        for row in columns.customer.indices {
          occurred += columns.deltas[row]
          events.append(try Row(columns, row, occurred: occurred))
        }
      }
      if let end = view.end { counts = [end.customers, end.products, end.offers, end.events].map(Int.init) }
    }
  }
}
