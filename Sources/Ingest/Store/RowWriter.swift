import Commerce
import GRDB
import Messages

/// Writes rows inside one transaction and judges each.
struct RowWriter {
  private let database: Database
  private(set) var state: TenantState
  var interner = Interner()
  private var receivedAt = Timestamp.epoch

  init(_ database: Database) throws {
    self.database = database
    state = try TenantState(database)
  }

  /// Writes the rows of one record of the log, unless they are in already.
  mutating func write(_ write: TenantStore.Write) throws -> WriteOutcome {
    guard write.position > state.applied else { return WriteOutcome(sequence: state.sequence, verdicts: []) }
    receivedAt = write.receivedAt
    let verdicts = try self.write(write.rows)
    state.applied = write.position
    return WriteOutcome(sequence: state.sequence, verdicts: verdicts)
  }

  private mutating func write(_ rows: Rows) throws -> [RowVerdict] {
    // The tenant's data is no fresher for what was answered from it.
    if case .served = rows {} else { state.lastReceived = max(state.lastReceived ?? receivedAt, receivedAt) }
    switch rows {
    case .customers(let customers):
      return try customers.map { customer in
        try write(.customer, customer.id.rawValue, Encoded<Proto.Customer> { customer.fill($0) }.bytes)
      }
    case .products(let products):
      return try products.map { product in
        try write(.product, product.id.rawValue, Encoded<Proto.Product> { product.fill($0) }.bytes)
      }
    case .offers(let offers):
      return try offers.map { offer in
        try write(.offer, offer.id.rawValue, Encoded<Proto.Offer> { offer.fill($0) }.bytes)
      }
    case .events(let events): return try events.map { try write($0) }
    case .served(let answers):
      let verdicts = try answers.map { try write($0) }
      try ServedRow.purge(before: receivedAt, atMost: IngestLimits.servedPurge * answers.count, database)
      return verdicts
    }
  }

  /// Adds a version unless the latest one is the same.
  private mutating func write(_ table: EntityTable, _ id: String, _ content: [UInt8]) throws -> RowVerdict {
    let key = try interner.key(of: id, in: table, database)
    let latest = try HotStatement(
      database, "SELECT content FROM \(table)_version WHERE key = ? ORDER BY sequence DESC LIMIT 1")
    latest.bind(key, 1)
    let isFirst = try !latest.step()
    let isSame = !isFirst && latest.withBytes(0) { $0.elementsEqual(content) }
    guard !isSame else {
      latest.reset()
      return .duplicate
    }
    if isFirst { state.add(first: table) } else { latest.withBytes(0) { state.content.remove($0, in: "\(table)") } }
    latest.reset()
    content.withUnsafeBytes { state.content.add($0, in: "\(table)") }
    state.sequence += 1
    let insert = try HotStatement(
      database, "INSERT INTO \(table)_version (key, sequence, received_us, content) VALUES (?, ?, ?, ?)")
    insert.bind(key, 1)
    insert.bind(Int64(state.sequence), 2)
    insert.bind(receivedAt.microseconds, 3)
    insert.bind(content, 4)
    try insert.run()
    return .accepted
  }

  private mutating func write(_ event: Event) throws -> RowVerdict {
    let claim = try HotStatement(database, "INSERT OR IGNORE INTO event_id (id, sequence) VALUES (?, ?)")
    claim.bind(event.id.rawValue, 1)
    claim.bind(Int64(state.sequence + 1), 2)
    try claim.run()
    guard database.changesCount == 1 else { return try compare(event) }

    state.sequence += 1
    state.add(eventAt: event.occurredAt)
    Encoded<Proto.Event> { event.fill($0) }.bytes.withUnsafeBytes { state.content.add($0, in: "event") }
    try EventRow.insert(
      event, sequence: state.sequence, receivedAt: receivedAt, database,
      customer: try interner.key(of: event.customer.rawValue, in: .customer, database),
      product: try event.product.map { try interner.key(of: $0.rawValue, in: .product, database) },
      offer: try event.offer.map { try interner.key(of: $0.rawValue, in: .offer, database) })
    return .accepted
  }

  /// Keeps an answer, the first that comes under its id, and the salesperson's pins as events.
  private mutating func write(_ answer: ServedAnswer) throws -> RowVerdict {
    let customer = try interner.key(of: answer.customer.rawValue, in: .customer, database)
    let isAttempt = try ServedRow.isAttempt(answer, customer: customer, database)
    guard
      try ServedRow.insert(answer, customer: customer, isAttempt: isAttempt, receivedAt: receivedAt, database)
    else { return .duplicate }
    guard !isAttempt else { return .accepted }
    state.served += 1
    for event in answer.overrides { _ = try write(event) }
    return .accepted
  }

  /// Judges an event whose id is taken.
  private func compare(_ event: Event) throws -> RowVerdict {
    let stored = try EventRow.read(event.id, database)
    guard let difference = event.firstDifference(from: stored) else { return .duplicate }
    return .rejected(
      InvalidField(
        field: "id", reason: "'\(event.id)' was recorded with another \(difference); an event cannot be changed"))
  }
}

extension Event {
  /// Name of the first field that differs; nil where the events are equal.
  fileprivate func firstDifference(from other: Event) -> String? {
    if self == other { return nil }
    let fields: [(name: String, isSame: Bool)] = [
      ("kind", kind == other.kind), ("customer", customer == other.customer), ("product", product == other.product),
      ("offer", offer == other.offer), ("occurred_at_us", occurredAt == other.occurredAt),
      ("quantity", quantity == other.quantity), ("revenue", revenue == other.revenue),
      ("margin", margin == other.margin), ("rating", rating == other.rating), ("channel", channel == other.channel),
      ("salesperson", salesperson == other.salesperson),
      ("recommendation_id", recommendation == other.recommendation), ("query", query == other.query),
    ]
    return fields.first { !$0.isSame }?.name ?? "content"
  }
}
