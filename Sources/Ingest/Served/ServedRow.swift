import Commerce
import GRDB
import Messages

/// An answer as a row of the table `served`.
enum ServedRow {
  private static let microsecondsADay: Int64 = 86_400_000_000

  /// Writes a row; false where there is one of that id.
  static func insert(
    _ answer: ServedAnswer, customer: Int64, isAttempt: Bool, receivedAt: Timestamp, _ database: Database
  ) throws -> Bool {
    let row = try HotStatement(
      database,
      """
      INSERT OR IGNORE INTO served (id, received_us, served_us, occurred_us, customer, source, is_named, is_attempt, content)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      """)
    row.bind(answer.id.bytes, 1)
    row.bind(receivedAt.microseconds, 2)
    row.bind(answer.servedAt.microseconds, 3)
    row.bind(answer.occurredAt.microseconds, 4)
    row.bind(customer, 5)
    row.bind(try key(of: answer.source, database), 6)
    row.bind(Int64(answer.isNamed ? 1 : 0), 7)
    row.bind(Int64(isAttempt ? 1 : 0), 8)
    row.bind(answer.rowContent, 9)
    try row.run()
    return database.changesCount == 1
  }

  /// Whether another answer in the same call of the same customer is there already.
  static func isAttempt(_ answer: ServedAnswer, customer: Int64, _ database: Database) throws -> Bool {
    guard answer.isNamed else { return false }
    let statement = try HotStatement(
      database,
      "SELECT 1 FROM served WHERE id BETWEEN ? AND ? AND id != ? AND is_named = 1 AND customer = ? LIMIT 1")
    statement.bind(answer.id.callRange.first, 1)
    statement.bind(answer.id.callRange.last, 2)
    statement.bind(answer.id.bytes, 3)
    statement.bind(customer, 4)
    defer { statement.reset() }
    return try statement.step()
  }

  /// Removes what is past its time, at most `count` rows, the oldest first.
  static func purge(before now: Timestamp, atMost count: Int, _ database: Database) throws {
    let statement = try HotStatement(
      database, "DELETE FROM served WHERE number < (SELECT min(number) FROM served) + ? AND received_us < ?")
    statement.bind(Int64(count), 1)
    statement.bind(now.microseconds - IngestLimits.servedDays * microsecondsADay, 2)
    try statement.run()
  }

  private static func key(of source: ServedAnswer.Source, _ database: Database) throws -> Int64 {
    func bind(_ statement: HotStatement) {
      statement.bind(source.model, 1)
      statement.bind(source.bake, 2)
      statement.bind(source.arm, 3)
      statement.bind(Double(source.propensity), 4)
    }
    let known = try HotStatement(
      database, "SELECT key FROM served_source WHERE model = ? AND bake = ? AND arm = ? AND propensity = ?")
    bind(known)
    defer { known.reset() }
    if try known.step() { return known.integer(0) }
    let insert = try HotStatement(
      database, "INSERT INTO served_source (model, bake, arm, propensity) VALUES (?, ?, ?, ?)")
    bind(insert)
    try insert.run()
    return database.lastInsertedRowID
  }

  /// What is known of an answer; nil where there is none of that id.
  static func resolve(_ id: ServedID, _ database: Database) throws -> Encoded<Proto.ResolveRecommendationResponse>? {
    let row = try HotStatement(
      database,
      """
      SELECT customer.id, served_us, occurred_us, model, bake, arm, propensity, content
      FROM served JOIN customer ON customer.key = served.customer JOIN served_source ON served_source.key = served.source
      WHERE served.id = ?
      """)
    row.bind(id.bytes, 1)
    defer { row.reset() }
    guard try row.step() else { return nil }
    let source = ServedAnswer.Source(
      model: row.text(3), bake: row.text(4), arm: row.text(5), propensity: Float(row.double(6)))
    let content = try Encoded<Proto.ServedRecord>(unchecked: row.withBytes(7) { Array($0) }).decode()
    let reactions = try reactions(to: id, database)
    return Encoded { draft in
      draft.customer = row.text(0)
      draft.served_at_us = row.integer(1)
      draft.occurred_at_us = row.integer(2)
      draft.channel = content.channel
      draft.strings(\.n_pinned, \.pinned, content.strings(\.n_pinned, \.pinned))
      draft.strings(\.n_excluded, \.excluded, content.strings(\.n_excluded, \.excluded))
      draft.message(\.answer) { answer in
        ServedAnswer.fill(answer, id: id, source: source, content: Encoded(unchecked: content.answer))
      }
      draft.list(\.n_reactions, \.reactions, of: reactions) { draft, reaction in
        draft.kind = Proto.EventKind(rawValue: UInt32(reaction.kind))
        draft.product = reaction.product
        draft.occurred_at_us = reaction.occurredAt
        draft.quantity = reaction.quantity
      }
    }
  }

  private struct Reaction {
    let kind: UInt8
    let product: String
    let occurredAt: Int64
    let quantity: Int64
  }

  private static func reactions(to id: ServedID, _ database: Database) throws -> [Reaction] {
    let row = try HotStatement(
      database,
      """
      SELECT kind, product.id, occurred_us, quantity FROM event LEFT JOIN product ON product.key = event.product
      WHERE recommendation = ? ORDER BY sequence LIMIT ?
      """)
    row.bind("\(id)", 1)
    row.bind(Int64(IngestLimits.reactions), 2)
    defer { row.reset() }
    var reactions: [Reaction] = []
    while try row.step() {
      reactions.append(
        Reaction(
          kind: UInt8(truncatingIfNeeded: row.integer(0)), product: row.text(1), occurredAt: row.integer(2),
          quantity: row.integer(3)))
    }
    return reactions
  }
}
