import Commerce
import Messages
import RankedLists

/// A manifest that is what its artifact's name says, and whose files may be asked for.
struct CheckedManifest {
  let bytes: [UInt8]
  let view: View<Proto.Manifest>
  let seals: [ArtifactFiles.Seal]

  /// Reads the manifest of the artifact in `folder`.
  static func read(
    in folder: String, tenant: TenantID, digest: ArtifactDigest
  ) throws(ArtifactError) -> CheckedManifest {
    let path = "\(folder)/manifest"
    var bytes: [UInt8] = []
    let measured = try Disk.read(path, limit: Limits.maximumManifestBytes) { bytes += $0 }
    guard let measured else {
      throw .refused(path: path, reason: "longer than \(Limits.maximumManifestBytes) bytes")
    }
    guard measured.1 == digest else {
      throw .refused(path: path, reason: "its digest is \(measured.1), not the artifact's name")
    }
    return try CheckedManifest(bytes, tenant: tenant, path: path)
  }

  /// Believes nothing that the bytes say before it is checked: they may be anybody's.
  init(_ bytes: [UInt8], tenant: TenantID, path: String) throws(ArtifactError) {
    self.bytes = bytes
    do {
      view = try Encoded<Proto.Manifest>(unchecked: bytes).decode()
    } catch {
      throw .refused(path: path, reason: "\(error)")
    }
    guard view.format == Limits.manifestFormat else {
      throw .refused(path: path, reason: "layout \(view.format), this build knows \(Limits.manifestFormat)")
    }
    guard view.tenant == tenant.rawValue else {
      throw .refused(path: path, reason: "it is an artifact of tenant '\(view.tenant)', not of '\(tenant.rawValue)'")
    }
    let files = view.list(\.n_files, \.files)
    guard files.map(\.name) == ArtifactFile.allCases.map(\.rawValue) else {
      throw .refused(path: path, reason: "its files are not 'lists' and 'model'")
    }
    var seals: [ArtifactFiles.Seal] = []
    for (file, entry) in zip(ArtifactFile.allCases, files) {
      guard entry.size <= Limits.maximumFileBytes, let digest = SHA256Digest(entry.sha256) else {
        throw .refused(path: path, reason: "the size or digest of '\(file.rawValue)' is impossible")
      }
      seals.append(ArtifactFiles.Seal(file: file, size: entry.size, digest: digest))
    }
    self.seals = seals
  }
}
