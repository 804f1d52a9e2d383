import ArtifactStore
import Commerce
import Synchronization

/// How much the cache of artifacts holds, and what has to go where that is more than it may.
final class CacheLedger: Sendable {
  struct Key: Hashable, Sendable {
    let tenant: TenantID
    let digest: ArtifactDigest
  }

  /// Bytes that the artifacts may take.
  let limit: UInt64
  private let held = Mutex<(artifacts: [TenantID: [ArtifactDirectory.Held]], bytes: UInt64)>(([:], 0))

  init(limit: UInt64) { self.limit = limit }

  /// Bytes of all artifacts.
  var bytes: UInt64 { held.withLock { $0.bytes } }

  /// Bytes over the limit.
  var excess: UInt64 { max(bytes, limit) - limit }

  /// Puts what a tenant has in the place of what was known of it. Complexity: O(the tenant's artifacts).
  func set(_ artifacts: [ArtifactDirectory.Held], of tenant: TenantID) {
    held.withLock { held in
      let old = held.artifacts.updateValue(artifacts, forKey: tenant) ?? []
      held.bytes -= old.reduce(0) { $0 + $1.bytes }
      held.bytes += artifacts.reduce(0) { $0 + $1.bytes }
      if artifacts.isEmpty { held.artifacts[tenant] = nil }
    }
  }

  /// What has to go for the rest to be within the limit, what was not used for longest first; never what is routed to.
  /// Complexity: O(n · log n) of n artifacts.
  func surplus(except routed: Set<Key>) -> [Key] {
    var (artifacts, bytes) = held.withLock { ($0.artifacts.values.flatMap { $0 }, $0.bytes) }
    guard bytes > limit else { return [] }
    artifacts.removeAll { routed.contains(Key(tenant: $0.tenant, digest: $0.digest)) }
    artifacts.sort {
      $0.usedAt == $1.usedAt ? $0.digest.description < $1.digest.description : $0.usedAt < $1.usedAt
    }
    return artifacts.prefix { artifact in
      defer { bytes -= artifact.bytes }
      return bytes > limit
    }.map { Key(tenant: $0.tenant, digest: $0.digest) }
  }
}
