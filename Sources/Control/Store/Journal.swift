import COpenSSL
import Commerce
import Foundation
import GRDB

/// The append-only record of every decision. Each row's hash covers the row and the hash before it, and the last one is
/// kept once more, so that a changed, missing or moved row is found at the next start.
///
/// Rows name tenants, never customers: a person can be forgotten without breaking the chain.
enum Journal {
  /// What was done.
  enum Kind: String {
    case tenantCreated = "tenant.created"
    case modeSet = "mode.set"
    case nightStarted = "night.started"
    case workLeased = "work.leased"
    case workExpired = "work.expired"
    case workFailed = "work.failed"
    case evaluationJudged = "evaluation.judged"
    case workCompleted = "work.completed"
    case versionActivated = "version.activated"
    case holdReleased = "hold.released"
    case overlaySet = "overlay.set"
    case repurchaseSet = "repurchase.set"
    case servingReported = "serving.reported"
    case workGivenBack = "work.given_back"
    case workRefused = "work.refused"
    case workMissed = "work.missed"
    case workUnchanged = "work.unchanged"
    case tenantQuarantined = "tenant.quarantined"
    case quarantineReleased = "quarantine.released"
    case timeZoneSet = "time_zone.set"
    case versionsRemoved = "versions.removed"
  }

  /// Appends a row; returns its number.
  @discardableResult
  static func append(
    _ kind: Kind, tenant: String, by actor: String, at time: Timestamp, reason: String, detail: [String: String],
    _ db: Database
  ) throws -> Int64 {
    let (last, previous) = try end(db)
    let number = last + 1
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json = String(decoding: try encoder.encode(detail), as: UTF8.self)
    let fields = ["\(number)", "\(time.microseconds)", actor, kind.rawValue, tenant, reason, json]
    let hash = link(after: previous, fields)
    try db.execute(
      sql:
        "INSERT INTO journal (number, at, actor, kind, tenant, reason, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      arguments: [number, time.microseconds, actor, kind.rawValue, tenant, reason, json, hash])
    try db.execute(sql: "UPDATE journal_end SET number = ?, hash = ?", arguments: [number, hash])
    return number
  }

  private static func end(_ db: Database) throws -> (number: Int64, hash: Data) {
    guard let end = try Row.fetchOne(db, sql: "SELECT number, hash FROM journal_end") else { return (0, Data()) }
    return (end["number"], end["hash"])
  }

  /// Throws where the chain is broken.
  static func verify(_ db: Database) throws {
    var previous = Data()
    var expected: Int64 = 1
    let rows = try Row.fetchCursor(
      db, sql: "SELECT number, at, actor, kind, tenant, reason, detail, hash FROM journal ORDER BY number")
    while let row = try rows.next() {
      let number: Int64 = row["number"]
      let at: Int64 = row["at"]
      let fields = ["\(number)", "\(at)"] + ["actor", "kind", "tenant", "reason", "detail"].map { row[$0] as String }
      let hash: Data = row["hash"]
      guard number == expected, hash == link(after: previous, fields) else { throw broken(at: number) }
      previous = hash
      expected += 1
    }
    let end = try end(db)
    guard end.number == expected - 1, end.hash == previous else { throw broken(at: expected) }
  }

  private static func broken(at number: Int64) -> ControlError {
    .damaged(
      "the journal is broken at entry \(number): it, or one before it, was changed or is missing. Restore a backup")
  }

  /// SHA-256 over the previous hash and the fields, each behind its length (FIPS 180-4).
  private static func link(after previous: Data, _ fields: [String]) -> Data {
    var bytes = [UInt8](previous)
    for field in fields {
      withUnsafeBytes(of: UInt64(field.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: field.utf8)
    }
    return Data(sha256(bytes))
  }
}

/// SHA-256 (FIPS 180-4).
func sha256(_ bytes: [UInt8]) -> [UInt8] {
  var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
  SHA256(bytes, bytes.count, &digest)
  return digest
}
