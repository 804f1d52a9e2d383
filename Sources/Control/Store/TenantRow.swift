import Commerce
import GRDB
import Messages
import RPC

/// One tenant as control keeps it.
struct TenantRow: FetchableRecord {
  enum Mode: Int64 {
    case on = 1
    case frozen, off
  }
  enum Hold: Int64 {
    case none = 0
    case untilNextNight, untilReleased
  }
  enum Repurchase: Int64 {
    case exclude = 0
    case allow
  }

  let id: String
  let name: String
  var mode: Mode
  /// Grows with every decision about the tenant.
  var generation: Int64
  let createdAt: Timestamp
  let horizonDays: Int
  let needsApproval: Bool
  /// IANA name.
  let timeZone: String
  var liveBake: String?
  var hold: Hold
  /// Whether customers may be recommended what they have bought already.
  var repurchase: Repurchase
  /// How many models and bakes have been named.
  var models: Int64
  var bakes: Int64
  /// Routing revision of the last change that rankers have to know of.
  var revision: Int64

  init(row: Row) throws {
    id = row["id"]
    name = row["name"]
    guard let mode = Mode(rawValue: row["mode"]), let hold = Hold(rawValue: row["hold"]),
      let repurchase = Repurchase(rawValue: row["repurchase"])
    else {
      throw ControlError.damaged("tenant \(id) has a mode, hold or repurchase that this version does not know")
    }
    self.mode = mode
    self.hold = hold
    self.repurchase = repurchase
    generation = row["generation"]
    createdAt = Timestamp(microseconds: row["created_at"])
    horizonDays = Int(row["horizon_days"] as Int64)
    needsApproval = row["needs_approval"]
    timeZone = row["time_zone"]
    liveBake = row["live_bake"]
    models = row["models"]
    bakes = row["bakes"]
    revision = row["revision"]
  }

  /// The tenant, or NOT_FOUND.
  static func get(_ id: String, _ db: Database) throws -> TenantRow {
    guard let tenant = try fetchOne(db, sql: "SELECT * FROM tenants WHERE id = ?", arguments: [id]) else {
      throw RPCError(.notFound, "there is no tenant '\(id.prefix(80))'; `nightjar tenant list` shows those there are")
    }
    return tenant
  }

  /// Stores the variable part. `routed`: rankers have to know.
  mutating func save(routed: Bool, _ db: Database) throws {
    generation += 1
    if routed { revision = try Meta.revision.next(db) }
    try db.execute(
      sql: """
        UPDATE tenants SET mode = ?, generation = ?, live_bake = ?, hold = ?, models = ?, bakes = ?, revision = ?,
        repurchase = ? WHERE id = ?
        """,
      arguments: [
        mode.rawValue, generation, liveBake, hold.rawValue, models, bakes, revision, repurchase.rawValue, id,
      ])
  }

  /// Refuses a change that was decided on an older state. `expected` 0 passes.
  func expect(generation expected: UInt64) throws(RPCError) {
    guard expected == 0 || expected == UInt64(generation) else {
      throw RPCError(
        .aborted, "tenant \(id) is at generation \(generation), not \(expected): read it again and decide anew")
    }
  }

  /// Whether a person decided that the live model stays; its lists are baked anew, nothing else.
  var keepsModel: Bool { mode == .frozen || hold != .none }

  /// The live version, if there is one.
  func live(_ db: Database) throws -> VersionRow? { try liveBake.map { try VersionRow.get($0, of: id, db) } }

  /// Notes in the history of decisions what is live from now on.
  func recordDecision(entry: Int64, at time: Timestamp, _ db: Database) throws {
    try db.execute(
      sql: "INSERT OR REPLACE INTO decisions (tenant, at, entry, mode, bake, digest) VALUES (?, ?, ?, ?, ?, ?)",
      arguments: [id, time.microseconds, entry, mode.rawValue, liveBake, try live(db)?.digest])
  }

  func fill(_ draft: Draft<Proto.Tenant>, _ db: Database) throws {
    draft.id = id
    draft.name = name
    draft.mode = Proto.Mode(rawValue: UInt32(mode.rawValue))
    draft.generation = UInt64(generation)
    draft.created_at_us = createdAt.microseconds
    draft.horizon_days = UInt32(horizonDays)
    draft.needs_approval = needsApproval
    draft.hold = Proto.Hold(rawValue: UInt32(hold.rawValue))
    draft.repurchase = repurchase.proto
    draft.time_zone = timeZone
    try TrackRow.find(id, db).fill(draft)
    if let live = try live(db) { draft.message(\.live) { live.fill($0) } }
  }
}

extension TenantRow.Repurchase {
  var proto: Proto.Repurchase { Proto.Repurchase(rawValue: UInt32(rawValue)) }
}
