import Commerce
import GRDB

/// An event as a row of the table `event`.
enum EventRow {
  static func insert(
    _ event: Event, sequence: UInt64, receivedAt: Timestamp, _ database: Database, customer: Int64, product: Int64?,
    offer: Int64?
  ) throws {
    let row = try HotStatement(
      database,
      """
      INSERT INTO event (sequence, received_us, kind, customer, product, offer, occurred_us, quantity, currency, revenue,
        margin, rating, channel, salesperson, recommendation, query)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """)
    row.bind(Int64(sequence), 1)
    row.bind(receivedAt.microseconds, 2)
    row.bind(Int64(event.kind.rawValue), 3)
    row.bind(customer, 4)
    row.bind(product, 5)
    row.bind(offer, 6)
    row.bind(event.occurredAt.microseconds, 7)
    row.bind(event.quantity, 8)
    row.bind(event.revenue?.currency.code, 9)
    row.bind(event.revenue?.minorUnits, 10)
    row.bind(event.margin?.minorUnits, 11)
    row.bind(event.rating, 12)
    row.bind(number(of: event.channel), 13)
    row.bind(event.salesperson?.rawValue, 14)
    row.bind(event.recommendation?.rawValue, 15)
    row.bind(event.query.isEmpty ? nil : event.query, 16)
    try row.run()
  }

  /// The event of an id that is there. Throws where the row breaks the schema, which only damage can bring about.
  static func read(_ id: EventID, _ database: Database) throws -> Event {
    let row = try HotStatement(
      database,
      """
      SELECT kind, customer.id, product.id, offer.id, occurred_us, quantity, currency, revenue, margin, rating, channel,
        salesperson, recommendation, query
      FROM event_id JOIN event USING (sequence)
        JOIN customer ON customer.key = event.customer
        LEFT JOIN product ON product.key = event.product
        LEFT JOIN offer ON offer.key = event.offer
      WHERE event_id.id = ?
      """)
    row.bind(id.rawValue, 1)
    defer { row.reset() }
    guard try row.step(), let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: row.integer(0))) else {
      throw DatabaseError(message: "event '\(id)' has an id but no row")
    }
    func optional<Owner>(_ column: Int32) throws(InvalidField) -> Identifier<Owner>? {
      row.isNull(column) ? nil : try Identifier(row.text(column))
    }
    var event = Event(
      id: id, kind: kind, customer: try CustomerID(row.text(1)), occurredAt: Timestamp(microseconds: row.integer(4)))
    event.product = try optional(2)
    event.offer = try optional(3)
    event.quantity = row.integer(5)
    if !row.isNull(6) {
      let currency = try Currency(row.text(6))
      event.revenue = Money(minorUnits: row.integer(7), currency: currency)
      event.margin = row.isNull(8) ? nil : Money(minorUnits: row.integer(8), currency: currency)
    }
    event.rating = row.isNull(9) ? nil : row.double(9)
    event.channel = channel(of: row.integer(10))
    event.salesperson = try optional(11)
    event.recommendation = try optional(12)
    event.query = row.text(13)
    return event
  }

  private static func number(of channel: SalesChannel?) -> Int64 { Int64(channel?.proto.rawValue ?? 0) }

  private static func channel(of number: Int64) -> SalesChannel? {
    SalesChannel.allCases.first { self.number(of: $0) == number }
  }
}
