import Commerce
import GRDB

/// What is asked of the work of all tenants: each of it answered from an index, however many tenants there are. (A partial
/// index is found by the very number of its condition: hence no bound states.)
extension WorkRow {
  private static let waiting = "state = \(State.waiting.rawValue)"

  /// Waiting work that a trainer with so much memory may have now: the next deadline first, then the largest.
  static func toLease(at now: Timestamp, memory: Int64, limit: Int, _ db: Database) throws -> [WorkRow] {
    // A pause longer than the longest is a clock's that was set back since.
    try fetchAll(
      db,
      sql: """
        SELECT * FROM work WHERE \(waiting) AND deadline > ?1 AND memory <= ?2 AND ready_at NOT BETWEEN ?1 + 1 AND ?3
        ORDER BY deadline, size DESC, tenant LIMIT ?4
        """,
      arguments: [now.microseconds, memory, (now + longestPause).microseconds, limit])
  }

  /// Tenants with waiting work whose size nobody knows.
  static func toMeasure(limit: Int, _ db: Database) throws -> [String] {
    try String.fetchAll(
      db, sql: "SELECT tenant FROM work WHERE \(waiting) AND size IS NULL ORDER BY tenant LIMIT ?", arguments: [limit])
  }

  /// Notes how large a tenant is whose work waits.
  static func setRows(_ rows: TenantRows, ofWaiting tenant: String, _ db: Database) throws {
    try db.execute(
      sql: """
        UPDATE work SET customers = ?, products = ?, events = ?, size = ?
        WHERE \(waiting) AND size IS NULL AND tenant = ?
        """, arguments: [rows.customers, rows.products, rows.events, rows.total, tenant])
  }

  /// Work in the hands of trainers.
  static func leased(_ db: Database) throws -> [WorkRow] {
    try fetchAll(db, sql: "SELECT * FROM work WHERE state = \(State.leased.rawValue)")
  }

  private static let isOpen = "state IN (\(State.waiting.rawValue), \(State.leased.rawValue))"

  /// The next deadline of work that is not done.
  static func nextDeadline(_ db: Database) throws -> Timestamp? {
    try Int64.fetchOne(db, sql: "SELECT min(deadline) FROM work WHERE \(isOpen)").map { Timestamp(microseconds: $0) }
  }

  /// Work that is not done though its deadline has passed.
  static func open(atDeadline now: Timestamp, _ db: Database) throws -> [WorkRow] {
    try fetchAll(
      db, sql: "SELECT * FROM work WHERE \(isOpen) AND deadline <= ? ORDER BY deadline",
      arguments: [now.microseconds])
  }

  /// Work of the tenant that is not done, if there is any.
  static func open(of tenant: String, _ db: Database) throws -> WorkRow? {
    try fetchOne(
      db, sql: "SELECT * FROM work WHERE tenant = ? AND state IN (?, ?)",
      arguments: [tenant, State.waiting.rawValue, State.leased.rawValue])
  }

  /// A night's work in order of tenant, past one of them.
  static func page(of night: Int64, after tenant: String, limit: Int, _ db: Database) throws -> [WorkRow] {
    try fetchAll(
      db, sql: "SELECT * FROM work WHERE night = ? AND tenant > ? ORDER BY tenant LIMIT ?",
      arguments: [night, tenant, limit])
  }
}
