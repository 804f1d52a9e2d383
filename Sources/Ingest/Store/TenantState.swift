import Commerce
import GRDB

/// What is known of a tenant's data as a whole; written in the transaction that changes it.
struct TenantState: Equatable, Sendable {
  /// The last record of the log whose rows are here.
  var applied = LogPosition.start
  /// Accepted rows so far, which is also the number of the last one.
  var sequence: UInt64 = 0
  var customers: UInt64 = 0
  var products: UInt64 = 0
  var offers: UInt64 = 0
  var events: UInt64 = 0
  /// Calls that rankers have answered.
  var served: UInt64 = 0
  /// Nil = no event.
  var firstEvent: Timestamp?
  /// Nil = no event.
  var lastEvent: Timestamp?
  /// Nil = no row.
  var lastReceived: Timestamp?

  /// Of everything that is there.
  var content = ContentDigest()

  /// The state of a tenant without rows.
  init() {}

  init(_ database: Database) throws {
    let statement = try HotStatement(
      database,
      """
      SELECT applied, sequence, customers, products, offers, events, first_event_us, last_event_us, last_received_us,
        served
      FROM state
      """)
    defer { statement.reset() }
    guard try statement.step() else { throw DatabaseError(message: "the table 'state' is empty") }
    func count(_ column: Int32) -> UInt64 { UInt64(bitPattern: statement.integer(column)) }
    func time(_ column: Int32) -> Timestamp? {
      statement.integer(column) == 0 ? nil : Timestamp(microseconds: statement.integer(column))
    }
    applied = LogPosition(packed: count(0))
    sequence = count(1)
    customers = count(2)
    products = count(3)
    offers = count(4)
    events = count(5)
    firstEvent = time(6)
    lastEvent = time(7)
    lastReceived = time(8)
    served = count(9)
    content = try ContentDigest(database)
  }

  func save(_ database: Database) throws {
    let statement = try HotStatement(
      database,
      """
      UPDATE state SET applied = ?, sequence = ?, customers = ?, products = ?, offers = ?, events = ?,
        first_event_us = ?, last_event_us = ?, last_received_us = ?, served = ?
      """)
    for (place, value) in zip(Int32(1)..., [applied.packed, sequence, customers, products, offers, events]) {
      statement.bind(Int64(bitPattern: value), place)
    }
    for (place, time) in zip(Int32(7)..., [firstEvent, lastEvent, lastReceived]) {
      statement.bind(time?.microseconds ?? 0, place)
    }
    statement.bind(Int64(bitPattern: served), 10)
    try statement.run()
    try content.save(database)
  }

  /// Counts an event in.
  mutating func add(eventAt time: Timestamp) {
    events += 1
    firstEvent = min(firstEvent ?? time, time)
    lastEvent = max(lastEvent ?? time, time)
  }

  /// Counts the first version of a customer, product or offer in.
  mutating func add(first table: EntityTable) {
    switch table {
    case .customer: customers += 1
    case .product: products += 1
    case .offer: offers += 1
    }
  }
}
