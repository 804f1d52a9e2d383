import Commerce
import GRDB
import Messages
import RPC
import Transport

extension ControlCore {
  func listVersions(_ request: View<Proto.ListVersionsRequest>) async throws -> Encoded<Proto.ListVersionsResponse> {
    let id = try Check.tenant("tenant", request.tenant)
    let size = try Check.number("page_size", request.page_size, Self.pageSizes, absent: Self.ordinaryPage)
    let before = try pageNumber(request.page_token)
    return try await read { db in
      _ = try TenantRow.get(id, db)
      let rows = try VersionRow.page(of: id, before: before, limit: size + 1, db)
      return Encoded { response in
        response.list(\.n_versions, \.versions, of: rows.prefix(size)) { $1.fill($0) }
        if rows.count > size { response.next_page_token = "\(rows[size - 1].ordinal)" }
      }
    }
  }

  /// A page token that is a number to stay below; none = from the newest.
  func pageNumber(_ token: String) throws(RPCError) -> Int64 {
    guard !token.isEmpty else { return .max }
    guard let number = Int64(token), number > 0 else {
      throw Check.failure("page_token", "is not the next_page_token of an answer")
    }
    return number
  }

  /// Makes a version live by a person's hand. Going back to an older model sets the one left behind aside.
  func activate(_ request: View<Proto.ActivateRequest>, by caller: Caller) async throws -> Encoded<Proto.Tenant> {
    let id = try Check.tenant("tenant", request.tenant)
    let bake = try Check.text("bake", request.bake, bytes: 1...Limits.identifierBytes)
    let expected = request.expected_generation
    guard expected > 0 else { throw Check.failure("expected_generation", "is missing; GetTenant tells it") }
    guard let hold = TenantRow.Hold(rawValue: Int64(request.hold.rawValue)), hold != .none else {
      throw Check.failure("hold", "is neither UNTIL_NEXT_NIGHT nor UNTIL_RELEASED")
    }
    let deed = try Deed(by: caller, reason: request.reason)
    let now = clock.wall()
    return try await change(by: caller, at: now) { db in
      var tenant = try TenantRow.get(id, db)
      try tenant.expect(generation: expected)
      let target = try VersionRow.get(bake, of: id, db)
      guard target.state != .removed else {
        throw RPCError(
          .failedPrecondition,
          "version '\(bake)' is removed from the store, which holds the newest \(VersionRow.kept) of a tenant; "
            + "`nightjar versions` shows them")
      }
      let left = try tenant.live(db)
      if let left, left.bake != target.bake {
        if try VersionRow.isModel(target.model, olderThan: left.model, of: id, db) {
          try VersionRow.rollBack(modelOf: left, db)
        } else {
          try VersionRow.setState(.retired, of: left.bake, tenant: id, db)
        }
      }
      try VersionRow.setState(.live, of: bake, tenant: id, db)
      tenant.liveBake = bake
      tenant.hold = hold
      try tenant.save(routed: true, db)
      let entry = try Journal.append(
        .versionActivated, tenant: id, by: deed.actor, at: now, reason: deed.reason,
        detail: [
          "bake": bake, "model": target.model, "digest": target.digest, "instead_of": left?.bake ?? "",
          "hold": "\(hold)", "generation": "\(tenant.generation)",
        ], db)
      try tenant.recordDecision(entry: entry, at: now, db)
      return try Encoded { [tenant] in try tenant.fill($0, db) }
    }
  }

  func releaseHold(_ request: View<Proto.ReleaseHoldRequest>, by caller: Caller) async throws -> Encoded<
    Proto.Tenant
  > {
    let id = try Check.tenant("tenant", request.tenant)
    let expected = request.expected_generation
    let deed = try Deed(by: caller, reason: request.reason)
    let now = clock.wall()
    return try await change(by: caller, at: now) { db in
      var tenant = try TenantRow.get(id, db)
      try tenant.expect(generation: expected)
      if tenant.hold != .none {
        tenant.hold = .none
        try tenant.save(routed: false, db)
        try Journal.append(
          .holdReleased, tenant: id, by: deed.actor, at: now, reason: deed.reason, detail: [:], db)
      }
      return try Encoded { [tenant] in try tenant.fill($0, db) }
    }
  }
}
