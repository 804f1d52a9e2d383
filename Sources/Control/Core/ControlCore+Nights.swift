import Commerce
import GRDB
import Messages
import RPC
import Transport

extension ControlCore {
  private static let maximumTenantsANight = 10_000
  private static let longestNight: Duration = .seconds(7 * 86_400)

  /// Starts a night: every tenant named, or everybody, that is not off and has something to do.
  func runNight(_ request: View<Proto.RunNightRequest>, by caller: Caller) async throws -> Encoded<Proto.Night> {
    let asOf = Timestamp(microseconds: request.as_of_us)
    guard asOf > .epoch, Timestamp.admitted.contains(asOf) else {
      throw Check.failure("as_of_us", "is missing, or past the year 9999")
    }
    var named: [String] = []
    for (index, tenant) in request.strings(\.n_tenants, \.tenants).enumerated() {
      named.append(try Check.tenant("tenants[\(index)]", tenant))
    }
    guard named.count <= Self.maximumTenantsANight else {
      throw Check.failure("tenants", "takes at most \(Self.maximumTenantsANight), not \(named.count)")
    }
    let deed = try Deed(by: caller, reason: request.reason)
    let retrains = request.retrain_unchanged
    let now = clock.wall()
    let deadline = try deadline(request.deadline_us, now)
    return try await change(by: caller, at: now) { [named] db in
      let tenants =
        try named.isEmpty
        ? TenantRow.fetchAll(db, sql: "SELECT * FROM tenants ORDER BY id")
        : Set(named).sorted().map { try TenantRow.get($0, db) }
      // A frozen tenant bakes its live model anew; without one there is nothing to do.
      let working = tenants.filter { $0.mode == .on || $0.mode == .frozen && $0.liveBake != nil }
      if let busy = try Self.busyTenant(among: working, db) {
        throw RPCError(
          .failedPrecondition, "night \(busy.night) is still at work on tenant \(busy.tenant); wait for its end")
      }
      try db.execute(
        sql: "INSERT INTO nights (as_of, started_at, retrains_unchanged) VALUES (?, ?, ?)",
        arguments: [asOf.microseconds, now.microseconds, retrains])
      let night = db.lastInsertedRowID
      try Journal.append(
        .nightStarted, tenant: "", by: deed.actor, at: now, reason: deed.reason,
        detail: ["night": "\(night)", "as_of": asOf.iso8601, "tenants": "\(working.count)"], db)
      var deadlines = NightDeadlines(startedAt: now, asOf: asOf)
      for tenant in working {
        try self.admit(tenant, to: night, until: deadline ?? deadlines.deadline(in: tenant.timeZone), at: now, db)
      }
      try Self.finish(night, at: now, db)
      return try Self.encoded(
        NightRow.get(night, db), work: WorkRow.page(of: night, after: "", limit: .max, db), next: "", at: now, db)
    }
  }

  /// The deadline asked for; nil = each tenant's own.
  private func deadline(_ microseconds: Int64, _ now: Timestamp) throws(RPCError) -> Timestamp? {
    guard microseconds != 0 else { return nil }
    let deadline = Timestamp(microseconds: microseconds)
    guard deadline > now, deadline < now + Self.longestNight else {
      throw Check.failure(
        "deadline_us", "is \(deadline.iso8601): it lies within \(Self.longestNight / .seconds(86_400)) days from now")
    }
    return deadline
  }

  private func admit(
    _ tenant: TenantRow, to night: Int64, until deadline: Timestamp, at now: Timestamp, _ db: Database
  ) throws {
    var tenant = tenant
    if tenant.hold == .untilNextNight {
      tenant.hold = .none
      try tenant.save(routed: false, db)
      try Journal.append(
        .holdReleased, tenant: tenant.id, by: "control", at: now, reason: "night \(night) begins", detail: [:], db)
    }
    let track = try TrackRow.find(tenant.id, db)
    try db.execute(
      sql: """
        INSERT INTO work (night, tenant, state, kind, attempts, deadline, customers, products, events, size)
        VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?)
        """,
      arguments: [
        night, tenant.id, WorkRow.State.waiting.rawValue, WorkRow.Kind.train.rawValue, deadline.microseconds,
        track.rows?.customers, track.rows?.products, track.rows?.events, track.rows?.total,
      ])
    guard let since = track.quarantinedAt, var item = try WorkRow.get(night: night, tenant: tenant.id, db) else {
      return
    }
    item.failure = "in quarantine since \(since.iso8601): \(track.failure)"
    item.close(.quarantined, at: now)
    try item.save(db)
    // Others are still to be admitted: the night is not over, if it looks so.
    count(item, db)
  }

  private static func busyTenant(among tenants: [TenantRow], _ db: Database) throws -> WorkRow? {
    for tenant in tenants {
      if let busy = try WorkRow.open(of: tenant.id, db) { return busy }
    }
    return nil
  }

  /// Notes the end of a night when its last tenant is done or has failed, or was left out.
  static func finish(_ night: Int64, at now: Timestamp, _ db: Database) throws {
    try db.execute(
      sql: """
        UPDATE nights SET finished_at = ? WHERE id = ? AND finished_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM work WHERE night = ? AND state IN (?, ?))
        """,
      arguments: [
        now.microseconds, night, night, WorkRow.State.waiting.rawValue, WorkRow.State.leased.rawValue,
      ])
  }

  /// A night, how far it is, and its work by pages: thousands of tenants are megabytes.
  func getNight(_ request: View<Proto.GetNightRequest>) async throws -> Encoded<Proto.Night> {
    let asked = try Check.counter("night", request.night)
    let size = try Check.number("page_size", request.page_size, Self.pageSizes, absent: 0)
    let after = try Check.text("page_token", request.page_token, bytes: 0...Limits.tenantBytes)
    let isBrief = request.progress_only
    let now = clock.wall()
    return try await read { db in
      let latest = try Int64.fetchOne(db, sql: "SELECT max(id) FROM nights")
      guard let id = asked == 0 ? latest : asked else { throw RPCError(.notFound, "there was no night yet") }
      let night = try NightRow.get(id, db)
      guard !isBrief else { return try Self.encoded(night, work: [], next: "", at: now, db) }
      let work = try WorkRow.page(of: id, after: after, limit: size == 0 ? .max : size + 1, db)
      guard size > 0, work.count > size else { return try Self.encoded(night, work: work, next: "", at: now, db) }
      return try Self.encoded(night, work: work.dropLast(), next: work[size - 1].tenant, at: now, db)
    }
  }

  private static func encoded(
    _ row: NightRow, work: some Collection<WorkRow>, next: String, at now: Timestamp, _ db: Database
  ) throws -> Encoded<Proto.Night> {
    let progress = try NightProgress(row, at: now, db)
    return Encoded { night in
      night.id = UInt64(row.id)
      night.as_of_us = row.asOf.microseconds
      night.started_at_us = row.startedAt.microseconds
      night.finished_at_us = row.finishedAt?.microseconds ?? 0
      night.message(\.progress) { progress.fill($0) }
      night.list(\.n_work, \.work, of: work) { $1.fill($0) }
      night.next_page_token = next
    }
  }
}
