import Commerce
import Foundation
import GRDB
import Messages
import RPC
import Transport

extension ControlCore {
  private static let maximumTenantsANight = 10_000

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
    let now = clock.wall()
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
        sql: "INSERT INTO nights (as_of, started_at) VALUES (?, ?)", arguments: [asOf.microseconds, now.microseconds])
      let night = db.lastInsertedRowID
      try Journal.append(
        .nightStarted, tenant: "", by: deed.actor, at: now, reason: deed.reason,
        detail: ["night": "\(night)", "as_of": asOf.iso8601, "tenants": "\(working.count)"], db)
      for tenant in working { try Self.admit(tenant, to: night, at: now, db) }
      try Self.finish(night, at: now, db)
      return try Self.night(night, db)
    }
  }

  private static func admit(_ tenant: TenantRow, to night: Int64, at now: Timestamp, _ db: Database) throws {
    var tenant = tenant
    if tenant.hold == .untilNextNight {
      tenant.hold = .none
      try tenant.save(routed: false, db)
      try Journal.append(
        .holdReleased, tenant: tenant.id, by: "control", at: now, reason: "night \(night) begins", detail: [:], db)
    }
    try db.execute(
      sql: "INSERT INTO work (night, tenant, state, kind, attempts) VALUES (?, ?, ?, ?, 0)",
      arguments: [night, tenant.id, WorkRow.State.waiting.rawValue, WorkRow.Kind.train.rawValue])
  }

  private static func busyTenant(among tenants: [TenantRow], _ db: Database) throws -> WorkRow? {
    let busy = try WorkRow.fetchAll(
      db, sql: "SELECT * FROM work WHERE state IN (?, ?)",
      arguments: [WorkRow.State.waiting.rawValue, WorkRow.State.leased.rawValue])
    let ids = Set(tenants.map(\.id))
    return busy.first { ids.contains($0.tenant) }
  }

  /// Notes the end of a night when its last tenant is done or has failed.
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

  func getNight(_ request: View<Proto.GetNightRequest>) async throws -> Encoded<Proto.Night> {
    let asked = try Check.counter("night", request.night)
    return try await read { db in
      let latest = try Int64.fetchOne(db, sql: "SELECT max(id) FROM nights")
      guard let night = asked == 0 ? latest : asked else { throw RPCError(.notFound, "there was no night yet") }
      return try Self.night(night, db)
    }
  }

  private static func night(_ id: Int64, _ db: Database) throws -> Encoded<Proto.Night> {
    guard let row = try Row.fetchOne(db, sql: "SELECT * FROM nights WHERE id = ?", arguments: [id]) else {
      throw RPCError(.notFound, "there was no night \(id)")
    }
    let work = try WorkRow.fetchAll(db, sql: "SELECT * FROM work WHERE night = ? ORDER BY tenant", arguments: [id])
    return Encoded { night in
      night.id = UInt64(id)
      night.as_of_us = row["as_of"]
      night.started_at_us = row["started_at"]
      night.finished_at_us = row["finished_at"] ?? 0
      night.list(\.n_work, \.work, of: work) { draft, item in
        draft.tenant = item.tenant
        draft.state = Proto.WorkState(rawValue: UInt32(item.state.rawValue))
        draft.attempts = UInt32(item.attempts)
        draft.trainer = item.trainer ?? ""
        draft.failure = item.failure ?? ""
        draft.activated_bake = item.activatedBake ?? ""
        if let bytes = item.evaluation,
          let evaluation = try? Encoded<Proto.Evaluation>(unchecked: Array(bytes)).decode()
        {
          draft.message(\.evaluation, sharing: evaluation)
        }
      }
    }
  }
}
