import Commerce
import Glibc
import Messages
import RankedLists

/// The SHA-256 of an artifact's manifest, which names the artifact.
public typealias ArtifactDigest = SHA256Digest

/// A folder of immutable artifacts: the shared store, or a machine's own cache of it.
///
/// An artifact is the folder `<root>/<tenant>/<digest of the manifest>/` with the files `manifest`, `lists` and `model`. It
/// is written under a temporary name, synced, and renamed in one step, so that what can be seen is whole; it is never
/// changed afterwards. What is read is checked against the digest in its name, so that the store need not be trusted.
public struct ArtifactDirectory: Sendable {
  private static let stagingPrefix = ".staging-"

  private let root: String
  let disk: Disk

  /// The artifacts under `root`, which is created with the first of them.
  public init(root: String) {
    self.init(root: root, disk: Disk())
  }

  /// A machine's own copies under `root`. They are not synced: what a power failure tears is found damaged, and fetched anew.
  public static func cache(root: String) -> ArtifactDirectory {
    var disk = Disk()
    disk.isSynced = false
    return ArtifactDirectory(root: root, disk: disk)
  }

  init(root: String, disk: Disk) {
    self.root = root
    self.disk = disk
  }

  /// Where a file of an artifact lies, whether or not it is there.
  public func path(tenant: TenantID, digest: ArtifactDigest, file: ArtifactFile) -> String {
    "\(folder(tenant, digest))/\(file.rawValue)"
  }

  /// Publishes an artifact: `write` writes the two files at the paths it is given, `manifest` describes them.
  ///
  /// Publishing the same content again gives the same digest and changes nothing. Nothing can be seen of an attempt that
  /// failed; what it left behind goes with `sweep`. Throws `ArtifactError` and whatever the closures throw.
  public func publish(
    tenant: TenantID, manifest: (ArtifactFiles) throws -> Encoded<Proto.Manifest>,
    write: (_ listsPath: String, _ modelPath: String) throws -> Void
  ) throws -> ArtifactDigest {
    try stage(tenant, ArtifactFile.allCases) { staging in
      try write("\(staging)/\(ArtifactFile.lists.rawValue)", "\(staging)/\(ArtifactFile.model.rawValue)")
      guard try Disk.names(in: staging) == ArtifactFile.allCases.map(\.rawValue) else {
        throw ArtifactError.refused(path: staging, reason: "its files are not 'lists' and 'model'")
      }
      var seals: [ArtifactFiles.Seal] = []
      for file in ArtifactFile.allCases {
        let (size, digest) = try disk.seal("\(staging)/\(file.rawValue)")
        seals.append(ArtifactFiles.Seal(file: file, size: size, digest: digest))
      }
      let bytes = try manifest(ArtifactFiles(seals: seals)).bytes
      let checked = try CheckedManifest(bytes, tenant: tenant, path: "\(staging)/manifest")
      guard checked.seals == seals, bytes.count <= Limits.maximumManifestBytes else {
        throw ArtifactError.refused(path: "\(staging)/manifest", reason: "it does not describe the files written")
      }
      return bytes
    }
  }

  /// The manifest, found to be what the digest says; the files are not looked into.
  public func manifest(tenant: TenantID, digest: ArtifactDigest) throws(ArtifactError) -> View<Proto.Manifest> {
    try CheckedManifest.read(in: folder(tenant, digest), tenant: tenant, digest: digest).view
  }

  /// The manifest, after it and `files` are found to be what the digest says. Complexity: O(bytes of the files).
  public func verify(
    tenant: TenantID, digest: ArtifactDigest, files: [ArtifactFile] = ArtifactFile.allCases
  ) throws(ArtifactError) -> View<Proto.Manifest> {
    let manifest = try CheckedManifest.read(in: folder(tenant, digest), tenant: tenant, digest: digest)
    for seal in manifest.seals where files.contains(seal.file) {
      let path = path(tenant: tenant, digest: digest, file: seal.file)
      let measured = try Disk.read(path, limit: seal.size) { _ in }
      try Self.check(measured, against: seal, path: path)
    }
    return manifest.view
  }

  /// Reads a file from end to end and looks at nothing: what the disk does not give back is an error here, and the end of
  /// the process where the file is mapped.
  public func readThrough(tenant: TenantID, digest: ArtifactDigest, file: ArtifactFile) throws(ArtifactError) {
    try Disk.readThrough(path(tenant: tenant, digest: digest, file: file))
  }

  /// The bytes of a file, found to be what the digest says: these very bytes, whatever becomes of the file. A file of
  /// more than `limit` bytes is refused.
  public func read(
    tenant: TenantID, digest: ArtifactDigest, file: ArtifactFile, limit: UInt64
  ) throws(ArtifactError) -> [UInt8] {
    let manifest = try CheckedManifest.read(in: folder(tenant, digest), tenant: tenant, digest: digest)
    let path = path(tenant: tenant, digest: digest, file: file)
    var bytes: [UInt8] = []
    for seal in manifest.seals where seal.file == file {
      guard seal.size <= limit else {
        throw .refused(path: path, reason: "\(seal.size) bytes, over the limit of \(limit)")
      }
      try Self.check(try Disk.read(path, limit: seal.size) { bytes += $0 }, against: seal, path: path)
    }
    return bytes
  }

  /// Copies an artifact, or only `files` of it and the manifest, into another folder of artifacts, checking every byte.
  ///
  /// A whole copy that is there already is left, and the store is not asked; a damaged one is replaced. `bandwidth` nil: as
  /// fast as it goes.
  @discardableResult
  public func fetch(
    tenant: TenantID, digest: ArtifactDigest, files: [ArtifactFile] = ArtifactFile.allCases,
    into cache: ArtifactDirectory, within bandwidth: Bandwidth? = nil
  ) throws(ArtifactError) -> View<Proto.Manifest> {
    do throws(ArtifactError) {
      return try cache.verify(tenant: tenant, digest: digest, files: files)
    } catch {
      // What the disk does not give back is as good as damaged.
      if case .system(_, _, let code) = error, code != EIO { throw error }
      try cache.remove(tenant: tenant, digest: digest)
    }
    let manifest = try CheckedManifest.read(in: folder(tenant, digest), tenant: tenant, digest: digest)
    do {
      _ = try cache.stage(tenant, files) { staging in
        for seal in manifest.seals where files.contains(seal.file) {
          let source = path(tenant: tenant, digest: digest, file: seal.file)
          let copied = try cache.disk.copy(
            source, to: "\(staging)/\(seal.file.rawValue)", limit: seal.size, within: bandwidth)
          try Self.check(copied, against: seal, path: source)
        }
        return manifest.bytes
      }
      return manifest.view
    } catch let error as ArtifactError {
      throw error
    } catch {
      throw .refused(path: folder(tenant, digest), reason: "\(error)")
    }
  }

  /// Removes an artifact, if it is there; it is gone in one step. A file of it that is mapped stays readable.
  public func remove(tenant: TenantID, digest: ArtifactDigest) throws(ArtifactError) {
    guard try Disk.names(in: tenantFolder(tenant)).contains(digest.description) else { return }
    let doomed = stagingPath(tenant)
    guard try disk.rename(folder(tenant, digest), to: doomed) else { return }
    try disk.remove(doomed)
  }

  /// Every tenant that has had an artifact, in order.
  public func tenants() throws(ArtifactError) -> [TenantID] {
    try Disk.names(in: root).compactMap { try? TenantID($0) }
  }

  /// Every artifact of a tenant, in order of digest; not looked into.
  public func artifacts(of tenant: TenantID) throws(ArtifactError) -> [ArtifactDigest] {
    try Disk.names(in: tenantFolder(tenant)).compactMap { ArtifactDigest(hex: $0) }
  }

  /// Removes what broken-off attempts left behind before the cut-off, which must be older than any attempt still running.
  public func sweep(stagedBefore cutoff: Timestamp) throws(ArtifactError) {
    for tenant in try tenants() {
      for name in try Disk.names(in: tenantFolder(tenant)) where name.hasPrefix(Self.stagingPrefix) {
        let staging = "\(tenantFolder(tenant))/\(name)"
        guard try Disk.changedAt(staging) < Int(cutoff.microseconds / 1_000_000) else { continue }
        try disk.remove(staging)
      }
    }
  }

  /// Fills a temporary folder, writes the manifest that `body` returns last, and gives the folder its name.
  private func stage(
    _ tenant: TenantID, _ files: [ArtifactFile], _ body: (_ staging: String) throws -> [UInt8]
  ) throws -> ArtifactDigest {
    try disk.makeFolder(root)
    try disk.makeFolder(tenantFolder(tenant))
    try disk.syncFolder(root)
    let staging = stagingPath(tenant)
    do {
      try disk.makeFolder(staging)
      let manifest = try body(staging)
      let digest = ArtifactDigest(of: manifest)
      try disk.write(manifest, to: "\(staging)/manifest")
      try disk.syncFolder(staging)
      if try disk.rename(staging, to: folder(tenant, digest)) == false {
        _ = try verify(tenant: tenant, digest: digest, files: files)
        try disk.remove(staging)
      }
      try disk.syncFolder(tenantFolder(tenant))
      return digest
    } catch {
      try? disk.remove(staging)
      throw error
    }
  }

  private static func check(
    _ measured: (size: UInt64, SHA256Digest)?, against seal: ArtifactFiles.Seal, path: String
  ) throws(ArtifactError) {
    guard let measured else { throw .refused(path: path, reason: "longer than the \(seal.size) bytes of its manifest") }
    guard measured.size == seal.size else {
      throw .refused(path: path, reason: "\(measured.size) bytes, its manifest says \(seal.size)")
    }
    guard measured.1 == seal.digest else {
      throw .refused(path: path, reason: "its digest is not the one in its manifest")
    }
  }

  private func tenantFolder(_ tenant: TenantID) -> String { "\(root)/\(tenant.rawValue)" }

  func folder(_ tenant: TenantID, _ digest: ArtifactDigest) -> String {
    "\(tenantFolder(tenant))/\(digest)"
  }

  private func stagingPath(_ tenant: TenantID) -> String {
    "\(tenantFolder(tenant))/\(Self.stagingPrefix)\(String(UInt64.random(in: .min ... .max), radix: 16))"
  }
}
