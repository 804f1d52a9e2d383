import RPC
import Synchronization

/// Counts the exports under way.
///
/// An export whose caller does not read waits, up to its deadline, and keeps its place among the calls that compute. Neither one
/// tenant's exports nor everybody's together may take the places that lookups and batches need.
final class ExportPlaces: Sendable {
  /// Under way, by tenant.
  private let taken = Mutex<(byTenant: [String: Int], all: Int)>(([:], 0))

  /// Runs `body` where the tenant may have one more, and there is a place; throws RESOURCE_EXHAUSTED otherwise.
  func holding<R>(_ tenant: String, _ body: () async throws -> R) async throws -> R {
    try take(tenant)
    defer { giveBack(tenant) }
    return try await body()
  }

  private func take(_ tenant: String) throws(RPCError) {
    let isTaken = taken.withLock { taken in
      guard taken.all < Limits.exports, taken.byTenant[tenant, default: 0] < Limits.exportsOfATenant else {
        return false
      }
      taken.byTenant[tenant, default: 0] += 1
      taken.all += 1
      return true
    }
    guard isTaken else {
      throw RPCError(
        .resourceExhausted,
        "over \(Limits.exportsOfATenant) exports of tenant '\(tenant)', or \(Limits.exports) in all, are under way",
        retryAfter: Limits.exportRetryAfter)
    }
  }

  private func giveBack(_ tenant: String) {
    taken.withLock { taken in
      taken.all -= 1
      let left = taken.byTenant[tenant, default: 1] - 1
      taken.byTenant[tenant] = left > 0 ? left : nil
    }
  }
}
