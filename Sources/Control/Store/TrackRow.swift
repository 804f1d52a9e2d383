import Commerce
import GRDB
import Messages

/// What the nights so far have taught about a tenant: its size, its failures in a row, what its live lists were made from.
struct TrackRow: FetchableRecord {
  /// Failures in a row, over all nights, that put a tenant in quarantine.
  static let maximumFailures: Int64 = 3
  /// Lists of unchanged data are baked anew when they are this old: what sold lately, and the season, move on without data.
  static let longestKept: Duration = .seconds(7 * 86_400)

  let tenant: String
  /// When it was last worked on.
  var rows: TenantRows?
  var failures: Int64
  var failure: String
  var failedNight: Int64
  /// Wall clock; nil = it is not in quarantine.
  var quarantinedAt: Timestamp?
  /// Digest of the data on which a challenger was last judged, or trained for want of data to judge on.
  var judgedContent: String?
  /// The bake that the last completed work left live.
  var bake: String?
  /// The tenant's after that work.
  var generation: Int64?
  /// Business time from which on the bake's lists are wrong about what is on sale; nil = never, or nobody told.
  var availabilityChanges: Timestamp?

  init(row: Row) {
    tenant = row["tenant"]
    rows = TenantRows(row)
    failures = row["failures"]
    failure = row["failure"]
    failedNight = row["failed_night"]
    quarantinedAt = (row["quarantined_at"] as Int64?).map { Timestamp(microseconds: $0) }
    judgedContent = row["judged_content"]
    bake = row["bake"]
    generation = row["generation"]
    availabilityChanges = (row["availability_changes"] as Int64?).map { Timestamp(microseconds: $0) }
  }

  private init(tenant: String) {
    self.tenant = tenant
    failures = 0
    failure = ""
    failedNight = 0
  }

  /// What is known of a tenant; of one that no night worked on yet, nothing.
  static func find(_ tenant: String, _ db: Database) throws -> TrackRow {
    try fetchOne(db, sql: "SELECT * FROM track WHERE tenant = ?", arguments: [tenant]) ?? TrackRow(tenant: tenant)
  }

  func save(_ db: Database) throws {
    try db.execute(
      sql: "INSERT OR REPLACE INTO track VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      arguments: [
        tenant, rows?.customers, rows?.products, rows?.events, failures, failure, failedNight,
        quarantinedAt?.microseconds, judgedContent, bake, generation,
        availabilityChanges?.microseconds,
      ])
  }

  /// Counts a failure; true if it is the one that puts the tenant in quarantine.
  mutating func fail(because reason: String, night: Int64, at now: Timestamp) -> Bool {
    failures += 1
    failure = reason
    failedNight = night
    guard failures >= Self.maximumFailures, quarantinedAt == nil else { return false }
    quarantinedAt = now
    return true
  }

  /// Ends the row of failures.
  mutating func succeed() {
    failures = 0
    failure = ""
    quarantinedAt = nil
  }

  /// Whether a challenger was judged on the very same data, and nobody has made another version live since.
  func isJudged(on content: String?, live: VersionRow?) -> Bool {
    guard let content, let live else { return false }
    return content == judgedContent && live.bake == bake
  }

  /// Whether the lists that were left live are still right at a later moment, if the data are the same: nor has anybody
  /// decided anything about the tenant since.
  func isFresh(_ live: VersionRow?, of tenant: TenantRow, at asOf: Timestamp) -> Bool {
    guard let live, asOf < live.asOf + Self.longestKept, tenant.generation == generation else { return false }
    return availabilityChanges.map { asOf < $0 } ?? true
  }

  func fill(_ draft: Draft<Proto.Tenant>) {
    draft.failures = UInt32(failures)
    guard let quarantinedAt else { return }
    draft.message(\.quarantine) { quarantine in
      quarantine.since_us = quarantinedAt.microseconds
      quarantine.reason = failure
      quarantine.night = UInt64(failedNight)
    }
  }
}
