import Commerce
import GRDB
import Messages
import RPC

/// What a person says about how nights treat a tenant.
extension ControlCore {
  /// Says in which time zone the tenant's nights end, from the next one on.
  func setTimeZone(_ request: View<Proto.SetTimeZoneRequest>, by caller: Caller) async throws -> Encoded<Proto.Tenant> {
    let id = try Check.tenant("tenant", request.tenant)
    let zone = try Check.timeZone("time_zone", request.time_zone)
    let deed = try Deed(by: caller, reason: request.reason)
    let now = clock.wall()
    return try await change(by: caller, at: now) { db in
      let old = try TenantRow.get(id, db).timeZone
      if zone != old {
        try db.execute(sql: "UPDATE tenants SET time_zone = ? WHERE id = ?", arguments: [zone, id])
        try Journal.append(
          .timeZoneSet, tenant: id, by: deed.actor, at: now, reason: deed.reason, detail: ["from": old, "to": zone], db)
      }
      let tenant = try TenantRow.get(id, db)
      return try Encoded { try tenant.fill($0, db) }
    }
  }

  /// Lets the next night work on a tenant again whose work failed too often.
  func releaseQuarantine(_ request: View<Proto.ReleaseQuarantineRequest>, by caller: Caller) async throws -> Encoded<
    Proto.Tenant
  > {
    let id = try Check.tenant("tenant", request.tenant)
    let deed = try Deed(by: caller, reason: request.reason)
    let now = clock.wall()
    return try await change(by: caller, at: now) { db in
      let tenant = try TenantRow.get(id, db)
      var track = try TrackRow.find(id, db)
      if let since = track.quarantinedAt {
        let failure = track.failure
        track.succeed()
        try track.save(db)
        try Journal.append(
          .quarantineReleased, tenant: id, by: deed.actor, at: now, reason: deed.reason,
          detail: ["since": since.iso8601, "failure": failure, "night": "\(track.failedNight)"], db)
      }
      return try Encoded { try tenant.fill($0, db) }
    }
  }
}
