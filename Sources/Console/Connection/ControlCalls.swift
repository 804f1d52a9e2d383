import Messages
import NightjarClient
import RPC

/// Calls to control that take more than one request.
enum ControlCalls {
  private static let pageSize: UInt32 = 1_000
  /// Time between two looks at a running night.
  private static let nightPollInterval = Duration.milliseconds(200)

  /// All tenants, in order of id.
  static func tenants(of clients: Clients) async throws -> [View<Proto.Tenant>] {
    var tenants: [View<Proto.Tenant>] = []
    var token = ""
    repeat {
      let page = try await clients.control.call(ControlService.listTenants) { draft in
        draft.page_size = pageSize
        draft.page_token = token
      }
      tenants += page.list(\.n_tenants, \.tenants)
      token = page.next_page_token
    } while !token.isEmpty
    return tenants
  }

  /// A tenant's versions, newest first, at most `limit`.
  static func versions(of tenant: String, limit: Int, from clients: Clients) async throws -> [View<Proto.Version>] {
    var versions: [View<Proto.Version>] = []
    var token = ""
    repeat {
      let page = try await clients.control.call(ControlService.listVersions) { draft in
        draft.tenant = tenant
        draft.page_size = min(pageSize, UInt32(limit - versions.count))
        draft.page_token = token
      }
      versions += page.list(\.n_versions, \.versions)
      token = page.next_page_token
    } while !token.isEmpty && versions.count < limit
    return versions
  }

  /// Starts a night and waits for its end; `progress` is told how far it is.
  static func runNight(
    asOf: Int64, tenants: [String], reason: String, by clients: Clients,
    progress: (_ done: Int, _ total: Int) -> Void
  ) async throws -> View<Proto.Night> {
    var night = try await clients.control.call(ControlService.runNight) { draft in
      draft.as_of_us = asOf
      draft.strings(\.n_tenants, \.tenants, tenants)
      draft.reason = reason
    }
    let id = night.id
    while night.finished_at_us == 0 {
      let work = night.list(\.n_work, \.work)
      progress(work.count { $0.state == .done || $0.state == .failed }, work.count)
      try await Task.sleep(for: nightPollInterval)
      night = try await Importer.repeating { try await clients.control.call(ControlService.getNight) { $0.night = id } }
    }
    return night
  }
}
