import ArtifactStore
import Commerce
import Foundation
import Glibc
import Messages
import NightjarClient
import RPC
import RankedLists

/// An overlay that has been checked against its digest.
struct LoadedOverlay: Sendable {
  let digest: ArtifactDigest
  let overlay: Overlay
}

/// Where a ranker has its tenants' overlays from: control, and its own disk while control is away.
struct OverlayStore: Sendable {
  /// An encoded overlay is at most as long as the answer that brings it.
  private static let maximumBytes: UInt64 = 8 << 20

  let folder: String

  /// Every tenant of which an overlay is on disk. Throws the file system's error.
  func tenants() throws -> [TenantID] {
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder).compactMap { try? TenantID($0) }
  }

  /// Removes a tenant's overlay from the disk, if it is there. The corresponding C function is `unlink`.
  func remove(_ tenant: TenantID) throws(ArtifactError) {
    let path = "\(folder)/\(tenant.rawValue)"
    guard unlink(path) == 0 || errno == ENOENT else { throw .system(operation: "unlink", path: path, errno: errno) }
  }

  /// The overlay that a tenant's route names. Throws where neither the disk nor control has it, or it cannot be read.
  func load(
    _ digest: ArtifactDigest, of tenant: TenantID, from control: ServiceClient?, on files: FileQueues
  ) async throws -> LoadedOverlay {
    let file = AtomicFile(path: "\(folder)/\(tenant.rawValue)")
    // What cannot be read is fetched anew.
    if let kept = try? await files.run(for: tenant, { try file.read(limit: Self.maximumBytes) }),
      SHA256Digest(of: kept) == digest
    {
      return try Self.decode(kept, digest)
    }
    guard let control else { throw CancellationError() }
    let answer = try await control.call(
      ControlService.getOverlay,
      Encoded {
        $0.tenant = tenant.rawValue
        $0.digest = digest.description
      })
    let bytes = answer.overlay
    guard SHA256Digest(of: bytes) == digest else {
      throw RPCError(.dataLoss, "control sent an overlay that is not the one asked for")
    }
    let loaded = try Self.decode(bytes, digest)
    // Without it on disk a restart needs control; it is served all the same.
    try? await files.run(for: tenant) {
      guard mkdir(folder, S_IRWXU | S_IRGRP | S_IXGRP) == 0 || errno == EEXIST else { return }
      try file.replace(with: bytes)
    }
    return loaded
  }

  private static func decode(_ bytes: [UInt8], _ digest: ArtifactDigest) throws -> LoadedOverlay {
    LoadedOverlay(digest: digest, overlay: try Overlay(validating: Encoded<Proto.Overlay>(unchecked: bytes).decode()))
  }
}
