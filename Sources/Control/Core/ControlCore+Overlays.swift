import Commerce
import GRDB
import Messages
import RPC

extension ControlCore {
  /// Replaces what may not be recommended; the rankers hear of it at once. The same overlay again changes nothing.
  func setOverlay(_ request: View<Proto.SetOverlayRequest>, by caller: Caller) async throws
    -> Encoded<Proto.SetOverlayResponse>
  {
    let id = try Check.tenant("tenant", request.tenant)
    let expected = request.expected_generation
    let deed = try Deed(by: caller, reason: request.reason)
    guard let view = request.overlay else {
      throw Check.failure("overlay", "is absent; an empty one allows everything")
    }
    let overlay: Overlay
    do throws(InvalidField) { overlay = try Overlay(validating: view) } catch {
      throw Check.failure("overlay.\(error.field)", error.reason)
    }
    let content = view.encoded().bytes
    let now = clock.wall()
    return try await change(by: caller, at: now) { db in
      var tenant = try TenantRow.get(id, db)
      try tenant.expect(generation: expected)
      let old = try OverlayRow.find(id, db)
      var row = OverlayRow(content, after: old)
      if let old, old.content == content { row = old } else { try Self.replace(row, overlay, &tenant, deed, now, db) }
      return Encoded { [tenant, row] response in
        response.revision = UInt64(row.revision)
        response.digest = row.digest
        response.generation = UInt64(tenant.generation)
      }
    }
  }

  private static func replace(
    _ row: OverlayRow, _ overlay: Overlay, _ tenant: inout TenantRow, _ deed: Deed, _ now: Timestamp, _ db: Database
  ) throws {
    try row.save(tenant.id, db)
    try tenant.save(routed: true, db)
    // Counts alone: the journal names no customer.
    try Journal.append(
      .overlaySet, tenant: tenant.id, by: deed.actor, at: now, reason: deed.reason,
      detail: [
        "revision": "\(row.revision)", "digest": row.digest, "withdrawn": "\(overlay.withdrawn.count)",
        "products": "\(overlay.products.count)", "blocks": "\(overlay.blocks.count)",
        "maximum_per_category": "\(overlay.maximumPerCategory)",
      ], db)
  }

  func getOverlay(_ request: View<Proto.GetOverlayRequest>) async throws -> Encoded<Proto.GetOverlayResponse> {
    let id = try Check.tenant("tenant", request.tenant)
    let wanted = request.digest.isEmpty ? nil : try Check.digest("digest", request.digest)
    return try await read { db in
      _ = try TenantRow.get(id, db)
      let row = try OverlayRow.find(id, db)
      if let wanted, row?.digest != wanted {
        throw RPCError(.notFound, "tenant '\(id)' has another overlay by now; read its route again")
      }
      return Encoded { response in
        response.overlay = row?.content ?? []
        response.revision = UInt64(row?.revision ?? 0)
        response.digest = row?.digest ?? ""
      }
    }
  }
}
