import Commerce
import GRDB
import RPC

/// One night as control keeps it.
struct NightRow: FetchableRecord, Sendable {
  let id: Int64
  let asOf: Timestamp
  let startedAt: Timestamp
  /// Nil = it is still running.
  let finishedAt: Timestamp?
  /// Whether tenants are trained even if their data are what they were.
  let retrainsUnchanged: Bool

  init(row: Row) {
    id = row["id"]
    asOf = Timestamp(microseconds: row["as_of"])
    startedAt = Timestamp(microseconds: row["started_at"])
    finishedAt = (row["finished_at"] as Int64?).map { Timestamp(microseconds: $0) }
    retrainsUnchanged = row["retrains_unchanged"]
  }

  /// The night, or NOT_FOUND.
  static func get(_ id: Int64, _ db: Database) throws -> NightRow {
    guard let night = try fetchOne(db, sql: "SELECT * FROM nights WHERE id = ?", arguments: [id]) else {
      throw RPCError(.notFound, "there was no night \(id)")
    }
    return night
  }
}
