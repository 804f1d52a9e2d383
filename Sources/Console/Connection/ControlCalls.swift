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

  /// Starts a night; its number.
  static func startNight(
    asOf: Int64, tenants: [String], deadline: Int64?, retrain: Bool, reason: String, by clients: Clients
  ) async throws -> UInt64 {
    try await clients.control.call(ControlService.runNight) { draft in
      draft.as_of_us = asOf
      draft.strings(\.n_tenants, \.tenants, tenants)
      draft.deadline_us = deadline ?? 0
      draft.retrain_unchanged = retrain
      draft.reason = reason
    }.id
  }

  /// Waits for a night's end (0 = the latest's), telling `progress` how far it is; then all of it. Until then only its
  /// figures travel.
  static func night(
    _ id: UInt64, from clients: Clients, progress: (View<Proto.Night>) -> Void
  ) async throws -> View<Proto.Night> {
    func ask(_ id: UInt64, whole: Bool) async throws -> View<Proto.Night> {
      try await Importer.repeating {
        try await clients.control.call(ControlService.getNight) { draft in
          draft.night = id
          draft.progress_only = !whole
        }
      }
    }
    var night = try await ask(id, whole: false)
    progress(night)
    while night.finished_at_us == 0 {
      try await Task.sleep(for: nightPollInterval)
      night = try await ask(night.id, whole: false)
      progress(night)
    }
    return try await ask(night.id, whole: true)
  }
}
