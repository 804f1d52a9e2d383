import Messages
import RankedLists

/// What was measured of an artifact's files once they were written: the part of the manifest that nobody may invent.
public struct ArtifactFiles: Sendable {
  struct Seal: Equatable, Sendable {
    let file: ArtifactFile
    let size: UInt64
    let digest: SHA256Digest
  }

  let seals: [Seal]

  /// Writes names, sizes and digests into the manifest.
  public func fill(_ manifest: Draft<Proto.Manifest>) {
    manifest.list(\.n_files, \.files, of: seals) { entry, seal in
      entry.name = seal.file.rawValue
      entry.size = seal.size
      entry.sha256 = seal.digest.bytes
    }
  }
}
