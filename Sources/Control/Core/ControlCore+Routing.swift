import Commerce
import GRDB
import Messages
import RPC

extension ControlCore {
  /// The business time's distance from the wall clock; nobody sets another one yet.
  private static let wholeWeight: UInt32 = 1_000_000
  private static let longestSilence: Duration = .seconds(60)

  /// Tells a ranker every route, then each change, until the call ends.
  ///
  /// What is told is always a tenant's present route, so a slow ranker misses what was replaced meanwhile and never
  /// makes control remember for it.
  func watchRouting(_ request: View<Proto.WatchRoutingRequest>, to updates: Responses<Proto.RoutingUpdate>) async throws
  {
    let resumed = request.resume.map { Fence(epoch: $0.epoch, number: $0.number) }
    // A revision of another epoch may stem from a database that has since been restored.
    let isWhole = resumed?.epoch != database.epoch
    var seen = changes.count
    var told = try await tell(since: isWhole ? nil : resumed.map { Int64(clamping: $0.number) }, to: updates)
    try await updates.send { update in
      update.message(\.revision) { Fence(epoch: database.epoch, number: UInt64(told)).fill($0) }
      update.change_case = .tableEnd
      update.message(\.table_end) { $0.whole = isWhole }
    }
    while true {
      await changes.wait(past: seen, atMost: Self.longestSilence)
      try Task.checkCancellation()
      guard !changes.isClosed else { throw RPCError(.unavailable, "control is stopping; resume with the next process") }
      seen = changes.count
      told = try await tell(since: told, to: updates)
    }
  }

  /// Sends the routes changed after a revision (nil = all); returns the revision that is then told.
  private func tell(since revision: Int64?, to updates: Responses<Proto.RoutingUpdate>) async throws -> Int64 {
    let (routes, now) = try await read { db in
      let tenants = try TenantRow.fetchAll(
        db, sql: "SELECT * FROM tenants WHERE revision > ? ORDER BY revision", arguments: [revision ?? 0])
      return (
        try tenants.map { (tenant: $0, live: try $0.live(db), overlay: try OverlayRow.find($0.id, db)) },
        try Meta.revision.read(db)
      )
    }
    for route in routes {
      try await updates.send { update in
        update.message(\.revision) { fence in
          // Only the end of a whole table is a point to resume from: until then, routes of lower revision are missing.
          Fence(epoch: database.epoch, number: revision == nil ? 0 : UInt64(route.tenant.revision)).fill(fence)
        }
        update.change_case = .route
        update.message(\.route) { Self.fill($0, route.tenant, route.live, route.overlay) }
      }
    }
    return max(now, revision ?? 0)
  }

  private static func fill(
    _ route: Draft<Proto.Route>, _ tenant: TenantRow, _ live: VersionRow?, _ overlay: OverlayRow?
  ) {
    route.tenant = tenant.id
    route.mode = Proto.Mode(rawValue: UInt32(tenant.mode.rawValue))
    route.list(\.n_arms, \.arms, of: live.map { [$0] } ?? []) { arm, version in
      arm.id = "live"
      arm.model = version.model
      arm.bake = version.bake
      arm.manifest_digest = version.digest
      arm.weight_ppm = wholeWeight
    }
    route.repurchase = tenant.repurchase.proto
    if let overlay {
      route.overlay_revision = UInt64(overlay.revision)
      route.overlay_digest = overlay.digest
    }
  }
}
