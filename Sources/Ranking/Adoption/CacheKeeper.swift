import ArtifactStore
import Commerce
import Logging
import Synchronization

/// Removes from a ranker's disk what it does not need any more, and as much of what it may need again as is over the limit.
final class CacheKeeper: Sendable {
  let ledger: CacheLedger
  private let cache: ArtifactDirectory
  private let overlays: OverlayStore
  private let files: FileQueues
  private let logger: Logger
  private let hasWarned = Mutex(false)

  init(cache: ArtifactDirectory, limit: UInt64, overlays: OverlayStore, files: FileQueues, logger: Logger) {
    ledger = CacheLedger(limit: limit)
    self.cache = cache
    self.overlays = overlays
    self.files = files
    self.logger = logger
  }

  /// Every tenant of which something is on the disk.
  func tenants() async -> Set<TenantID> {
    let (cache, overlays) = (cache, overlays)
    return Set((try? await files.run { try cache.tenants() + overlays.tenants() }) ?? [])
  }

  /// Finds out what an earlier process left of a tenant.
  func takeStock(of tenant: TenantID) async { await note(tenant) {} }

  /// Removes what a tenant has beside `kept`, and notes that those were used. `isGone`: there is no such tenant any more.
  func keep(_ kept: Set<ArtifactDigest>, of tenant: TenantID, isGone: Bool) async {
    let (cache, overlays) = (cache, overlays)
    await note(tenant) {
      for digest in try cache.artifacts(of: tenant) {
        if kept.contains(digest) {
          try cache.markUsed(tenant: tenant, digest: digest)
        } else {
          try cache.remove(tenant: tenant, digest: digest)
        }
      }
      if isGone { try overlays.remove(tenant) }
    }
  }

  /// Whether more is held than the limit allows.
  var isOverLimit: Bool {
    let isOver = ledger.excess > 0
    if !isOver { hasWarned.withLock { $0 = false } }
    return isOver
  }

  /// Removes what nobody routes to until the rest is within the limit; says so, once, where that is not enough.
  func makeRoom(except routed: Set<CacheLedger.Key>) async {
    let cache = cache
    for key in ledger.surplus(except: routed) {
      await note(key.tenant) { try cache.remove(tenant: key.tenant, digest: key.digest) }
    }
    guard isOverLimit,
      hasWarned.withLock({ hasWarned in
        defer { hasWarned = true }
        return !hasWarned
      })
    else { return }
    logger.warning(
      "what the routes need is more than the cache may hold; all of it is kept",
      metadata: ["bytes": "\(ledger.bytes)", "limit": "\(ledger.limit)"])
  }

  /// Changes what a tenant has on the disk, in order with all else that concerns the tenant, and enters the outcome.
  private func note(_ tenant: TenantID, after change: @escaping @Sendable () throws -> Void) async {
    let (cache, ledger) = (cache, ledger)
    do {
      try await files.run(for: tenant) {
        defer {
          if let held = try? cache.held(by: tenant) { ledger.set(held, of: tenant) }
        }
        try change()
      }
    } catch {
      logger.warning("old artifacts stay in the cache", metadata: ["tenant": "\(tenant)", "reason": "\(error)"])
    }
  }
}
