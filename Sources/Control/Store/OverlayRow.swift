import Foundation
import GRDB

/// A tenant's overlay as control keeps it: the latest one.
struct OverlayRow: FetchableRecord {
  /// Grows with each overlay of the tenant.
  let revision: Int64
  /// SHA-256 of the content in hex; empty = the overlay allows everything.
  let digest: String
  /// An encoded `Overlay`.
  let content: [UInt8]

  init(row: Row) {
    revision = row["revision"]
    digest = row["digest"]
    content = Array(row["content"] as Data)
  }

  /// The one that replaces `old`.
  init(_ content: [UInt8], after old: OverlayRow?) {
    revision = (old?.revision ?? 0) + 1
    self.content = content
    digest = content.isEmpty ? "" : sha256(content).map { String(format: "%02x", $0) }.joined()
  }

  static func find(_ tenant: String, _ db: Database) throws -> OverlayRow? {
    try fetchOne(db, sql: "SELECT * FROM overlays WHERE tenant = ?", arguments: [tenant])
  }

  func save(_ tenant: String, _ db: Database) throws {
    try db.execute(
      sql: "INSERT OR REPLACE INTO overlays (tenant, revision, digest, content) VALUES (?, ?, ?, ?)",
      arguments: [tenant, revision, digest, Data(content)])
  }
}
