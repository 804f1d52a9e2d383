import Commerce
import GRDB
import Messages
import RPC

/// One bake of a model: what can be live.
struct VersionRow: FetchableRecord {
  enum State: Int64 {
    case live = 1
    case held, retired, rolledBack, removed
  }

  /// How many of a tenant's versions can be live again: the newest; the live one can be older.
  static let kept: Int64 = 30

  let tenant: String
  /// Position among the tenant's versions, from 1.
  let ordinal: Int64
  let bake: String
  let model: String
  let recipe: String
  /// SHA-256 of the manifest, 64 hex digits.
  let digest: String
  let state: State
  let asOf: Timestamp
  let createdAt: Timestamp
  let night: Int64
  let customers: Int64
  let candidates: Int64
  let isDataFloor: Bool

  init(row: Row) throws {
    tenant = row["tenant"]
    ordinal = row["ordinal"]
    bake = row["bake"]
    model = row["model"]
    recipe = row["recipe"]
    digest = row["digest"]
    guard let state = State(rawValue: row["state"]) else {
      throw ControlError.damaged("version \(bake) of \(tenant) has a state that this version does not know")
    }
    self.state = state
    asOf = Timestamp(microseconds: row["as_of"])
    createdAt = Timestamp(microseconds: row["created_at"])
    night = row["night"]
    customers = row["customers"]
    candidates = row["candidates"]
    isDataFloor = row["data_floor"]
  }

  /// The version, or NOT_FOUND.
  static func get(_ bake: String, of tenant: String, _ db: Database) throws -> VersionRow {
    let row = try fetchOne(
      db, sql: "SELECT * FROM versions WHERE tenant = ? AND bake = ?", arguments: [tenant, bake])
    guard let row else {
      throw RPCError(
        .notFound, "tenant \(tenant) has no version '\(bake.prefix(80))'; `nightjar versions` shows those there are")
    }
    return row
  }

  /// Newest first, those before `ordinal`.
  static func page(of tenant: String, before ordinal: Int64, limit: Int, _ db: Database) throws -> [VersionRow] {
    try fetchAll(
      db, sql: "SELECT * FROM versions WHERE tenant = ? AND ordinal < ? ORDER BY ordinal DESC LIMIT ?",
      arguments: [tenant, ordinal, limit])
  }

  /// Gives up what is not among the tenant's newest versions; returns the bakes.
  static func keepNewest(of tenant: String, _ db: Database) throws -> [String] {
    try String.fetchAll(
      db,
      sql: """
        UPDATE versions SET state = ?1 WHERE tenant = ?2 AND state NOT IN (?1, ?3)
        AND ordinal <= (SELECT max(ordinal) FROM versions WHERE tenant = ?2) - ?4 RETURNING bake
        """, arguments: [State.removed.rawValue, tenant, State.live.rawValue, kept])
  }

  /// Digests of the tenant's versions that can be live again, oldest first.
  static func keptDigests(of tenant: String, _ db: Database) throws -> [String] {
    try String.fetchAll(
      db, sql: "SELECT digest FROM versions WHERE tenant = ? AND state <> ? ORDER BY ordinal",
      arguments: [tenant, State.removed.rawValue])
  }

  static func setState(_ state: State, of bake: String, tenant: String, _ db: Database) throws {
    try db.execute(
      sql: "UPDATE versions SET state = ? WHERE tenant = ? AND bake = ?", arguments: [state.rawValue, tenant, bake])
  }

  /// Leaving a model for an older one sets all of its versions aside that there are: it returns only by a person's hand.
  static func rollBack(modelOf version: VersionRow, _ db: Database) throws {
    try db.execute(
      sql: "UPDATE versions SET state = ? WHERE tenant = ? AND model = ? AND state <> ?",
      arguments: [State.rolledBack.rawValue, version.tenant, version.model, State.removed.rawValue])
  }

  /// Whether a model came to be before another, however fresh their bakes are.
  static func isModel(_ model: String, olderThan other: String, of tenant: String, _ db: Database) throws -> Bool {
    try Bool.fetchOne(
      db,
      sql: """
        SELECT (SELECT min(ordinal) FROM versions WHERE tenant = ?1 AND model = ?2)
          < (SELECT min(ordinal) FROM versions WHERE tenant = ?1 AND model = ?3)
        """, arguments: [tenant, model, other]) ?? false
  }

  /// Whether a person went back behind the model.
  static func isRolledBack(model: String, of tenant: String, _ db: Database) throws -> Bool {
    try Bool.fetchOne(
      db, sql: "SELECT EXISTS (SELECT 1 FROM versions WHERE tenant = ? AND model = ? AND state = ?)",
      arguments: [tenant, model, State.rolledBack.rawValue]) ?? false
  }

  func fill(_ draft: Draft<Proto.Version>) {
    draft.bake = bake
    draft.model = model
    draft.recipe = recipe
    draft.manifest_digest = digest
    draft.state = Proto.VersionState(rawValue: UInt32(state.rawValue))
    draft.as_of_us = asOf.microseconds
    draft.created_at_us = createdAt.microseconds
    draft.night = UInt64(night)
    draft.customers = UInt64(customers)
    draft.candidates = UInt64(candidates)
    draft.data_floor = isDataFloor
  }
}
