import Commerce
import Glibc

extension ArtifactDirectory {
  /// One artifact as it lies in the folder.
  public struct Held: Sendable, Equatable {
    /// Whose it is.
    public let tenant: TenantID
    /// Its name.
    public let digest: ArtifactDigest
    /// Bytes of its files.
    public let bytes: UInt64
    /// Wall clock, µs: when it was last marked as used, or else made.
    public let usedAt: Int64

    /// States what lies there.
    public init(tenant: TenantID, digest: ArtifactDigest, bytes: UInt64, usedAt: Int64) {
      self.tenant = tenant
      self.digest = digest
      self.bytes = bytes
      self.usedAt = usedAt
    }
  }

  /// What a tenant has, in order of digest; not looked into. Complexity: O(artifacts of the tenant).
  public func held(by tenant: TenantID) throws(ArtifactError) -> [Held] {
    var held: [Held] = []
    for digest in try artifacts(of: tenant) {
      let folder = folder(tenant, digest)
      var bytes: UInt64 = 0
      for name in try Disk.names(in: folder) { bytes += UInt64(try Disk.status("\(folder)/\(name)").st_size) }
      let used = try Disk.status(folder).st_mtim
      held.append(
        Held(
          tenant: tenant, digest: digest, bytes: bytes,
          usedAt: Int64(used.tv_sec) * 1_000_000 + Int64(used.tv_nsec) / 1_000))
    }
    return held
  }

  /// Removes what a tenant has beside `kept`, where it was made at least `age` before the newest of `fresh`, by the disk's own
  /// clock; returns how many there were. Complexity: O(artifacts of the tenant).
  public func removeAll(
    of tenant: TenantID, but kept: Set<ArtifactDigest>, olderBy age: Duration, than fresh: Set<ArtifactDigest>
  ) throws(ArtifactError) -> Int {
    let held = try held(by: tenant)
    guard let newest = held.lazy.filter({ fresh.contains($0.digest) }).map(\.usedAt).max() else { return 0 }
    let cutoff = newest - Int64(age / .microseconds(1))
    let doomed = held.filter { !kept.contains($0.digest) && !fresh.contains($0.digest) && $0.usedAt <= cutoff }
    for artifact in doomed { try remove(tenant: tenant, digest: artifact.digest) }
    return doomed.count
  }

  /// Marks an artifact as used now, for whoever makes room by what was not used for longest; nothing where it is not there.
  public func markUsed(tenant: TenantID, digest: ArtifactDigest) throws(ArtifactError) {
    try disk.touch(folder(tenant, digest))
  }
}
