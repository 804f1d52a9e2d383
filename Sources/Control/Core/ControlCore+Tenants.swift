import Commerce
import GRDB
import Messages
import RPC
import Transport

extension ControlCore {
  private static let nameBytes = 1...128
  private static let horizonDays: ClosedRange<UInt32> = 1...365
  private static let ordinaryHorizonDays: UInt32 = 28
  static let pageSizes: ClosedRange<UInt32> = 1...1_000
  static let ordinaryPage: UInt32 = 100

  func createTenant(_ request: View<Proto.CreateTenantRequest>, by caller: Caller) async throws -> Encoded<
    Proto.Tenant
  > {
    let id = try Check.tenant("id", request.id)
    let name = try Check.text("name", request.name.isEmpty ? id : request.name, bytes: Self.nameBytes)
    let horizon = try Check.number(
      "horizon_days", request.horizon_days, Self.horizonDays, absent: Self.ordinaryHorizonDays)
    let needsApproval = request.needs_approval
    let repurchase = try Self.repurchase(request.repurchase)
    let zone = request.time_zone.isEmpty ? "UTC" : try Check.timeZone("time_zone", request.time_zone)
    let deed = try Deed(by: caller, reason: request.reason)
    let now = clock.wall()
    return try await change(by: caller, at: now) { db in
      guard try Row.fetchOne(db, sql: "SELECT 1 FROM tenants WHERE id = ?", arguments: [id]) == nil else {
        throw RPCError(.alreadyExists, "tenant '\(id)' exists already")
      }
      try db.execute(
        sql: """
          INSERT INTO tenants (id, name, mode, generation, created_at, horizon_days, needs_approval, hold, models, bakes,
          revision, repurchase, time_zone) VALUES (?, ?, ?, 1, ?, ?, ?, 0, 0, 0, ?, ?, ?)
          """,
        arguments: [
          id, name, TenantRow.Mode.on.rawValue, now.microseconds, horizon, needsApproval, try Meta.revision.next(db),
          repurchase.rawValue, zone,
        ])
      let entry = try Journal.append(
        .tenantCreated, tenant: id, by: deed.actor, at: now, reason: deed.reason,
        detail: [
          "name": name, "horizon_days": "\(horizon)", "needs_approval": "\(needsApproval)",
          "repurchase": "\(repurchase)", "time_zone": zone,
        ], db)
      let tenant = try TenantRow.get(id, db)
      try tenant.recordDecision(entry: entry, at: now, db)
      return try Encoded { try tenant.fill($0, db) }
    }
  }

  func getTenant(_ request: View<Proto.GetTenantRequest>) async throws -> Encoded<Proto.Tenant> {
    let id = try Check.tenant("id", request.id)
    return try await read { db in
      let tenant = try TenantRow.get(id, db)
      return try Encoded { try tenant.fill($0, db) }
    }
  }

  func listTenants(_ request: View<Proto.ListTenantsRequest>) async throws -> Encoded<Proto.ListTenantsResponse> {
    let size = try Check.number("page_size", request.page_size, Self.pageSizes, absent: Self.ordinaryPage)
    let after = try Check.text("page_token", request.page_token, bytes: 0...Limits.tenantBytes)
    return try await read { db in
      let rows = try TenantRow.fetchAll(
        db, sql: "SELECT * FROM tenants WHERE id > ? ORDER BY id LIMIT ?", arguments: [after, size + 1])
      return try Encoded { response in
        try response.list(\.n_tenants, \.tenants, of: rows.prefix(size)) { try $1.fill($0, db) }
        if rows.count > size { response.next_page_token = rows[size - 1].id }
      }
    }
  }

  func setMode(_ request: View<Proto.SetModeRequest>, by caller: Caller) async throws -> Encoded<Proto.Tenant> {
    let id = try Check.tenant("tenant", request.tenant)
    guard let mode = TenantRow.Mode(rawValue: Int64(request.mode.rawValue)) else {
      throw Check.failure("mode", "is none of ON, FROZEN, OFF")
    }
    let expected = request.expected_generation
    let deed = try Deed(by: caller, reason: request.reason)
    let now = clock.wall()
    return try await change(by: caller, at: now) { db in
      var tenant = try TenantRow.get(id, db)
      try tenant.expect(generation: expected)
      let old = tenant.mode
      if mode != old {
        tenant.mode = mode
        try tenant.save(routed: true, db)
        let entry = try Journal.append(
          .modeSet, tenant: id, by: deed.actor, at: now, reason: deed.reason,
          detail: ["from": "\(old)", "to": "\(mode)", "generation": "\(tenant.generation)"], db)
        try tenant.recordDecision(entry: entry, at: now, db)
      }
      return try Encoded { [tenant] in try tenant.fill($0, db) }
    }
  }

  func setRepurchase(_ request: View<Proto.SetRepurchaseRequest>, by caller: Caller) async throws -> Encoded<
    Proto.Tenant
  > {
    let id = try Check.tenant("tenant", request.tenant)
    let repurchase = try Self.repurchase(request.repurchase)
    let expected = request.expected_generation
    let deed = try Deed(by: caller, reason: request.reason)
    let now = clock.wall()
    return try await change(by: caller, at: now) { db in
      var tenant = try TenantRow.get(id, db)
      try tenant.expect(generation: expected)
      let old = tenant.repurchase
      if repurchase != old {
        tenant.repurchase = repurchase
        try tenant.save(routed: true, db)
        try Journal.append(
          .repurchaseSet, tenant: id, by: deed.actor, at: now, reason: deed.reason,
          detail: ["from": "\(old)", "to": "\(repurchase)", "generation": "\(tenant.generation)"], db)
      }
      return try Encoded { [tenant] in try tenant.fill($0, db) }
    }
  }

  private static func repurchase(_ asked: Proto.Repurchase) throws(RPCError) -> TenantRow.Repurchase {
    guard let repurchase = TenantRow.Repurchase(rawValue: Int64(asked.rawValue)) else {
      throw Check.failure("repurchase", "is none of EXCLUDE, ALLOW")
    }
    return repurchase
  }
}
