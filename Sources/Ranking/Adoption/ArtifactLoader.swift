import ArtifactStore
import Commerce
import Messages
import RankedLists

/// Brings an artifact from the shared store to where it may be answered from: fetched, verified, mapped, probed.
///
/// Everything here blocks on the disk. Complexity: O(bytes of the lists).
struct ArtifactLoader: Sendable {
  let store: ArtifactDirectory
  let cache: ArtifactDirectory
  /// Nil = fetching may take the whole line.
  let bandwidth: Bandwidth?

  /// The arm's artifact. Throws whatever makes it unfit to answer from; the text says what and where.
  func load(_ arm: Route.Arm, digest: ArtifactDigest, of tenant: TenantID) throws -> MappedArtifact {
    // The cache is this ranker's own: what lies there was what its digest says when it was fetched, and the seals of the file
    // itself tell what the disk has done to it since.
    if let manifest = try? cache.manifest(tenant: tenant, digest: digest),
      (try? cache.readThrough(tenant: tenant, digest: digest, file: .lists)) != nil,
      let artifact = try? open(arm, digest, of: tenant, as: manifest)
    {
      return artifact
    }
    let manifest = try store.fetch(tenant: tenant, digest: digest, files: [.lists], into: cache, within: bandwidth)
    return try open(arm, digest, of: tenant, as: manifest)
  }

  private func open(
    _ arm: Route.Arm, _ digest: ArtifactDigest, of tenant: TenantID, as manifest: View<Proto.Manifest>
  ) throws -> MappedArtifact {
    let path = cache.path(tenant: tenant, digest: digest, file: .lists)
    // Verifying reads every page, so that the map is warm when the first lookup comes.
    let lists = try RankedLists(path: path, tenant: tenant.rawValue, bake: arm.bake)
    let header = RankedListsHeader(
      tenant: manifest.tenant, model: manifest.model, bake: manifest.bake, asOf: manifest.as_of_us)
    guard lists.header == header else {
      throw ArtifactError.refused(path: path, reason: "model, bake or as-of are not those of its manifest")
    }
    let artifact = MappedArtifact(lists: lists, isDataFloor: manifest.data_floor, listsBought: manifest.lists_bought)
    guard artifact.fits(arm) else {
      throw ArtifactError.refused(
        path: path, reason: "it is of model '\(lists.header.model)', control ordered one of '\(arm.model)'")
    }
    for (index, probe) in manifest.strings(\.n_probes, \.probes).enumerated() {
      guard Array(probe.utf8).withUnsafeBytes({ lists.lookup($0) != nil }) else {
        // By number: the reason goes into the journal, where no customer may be named.
        throw ArtifactError.refused(path: path, reason: "the customer of its manifest's probes[\(index)] has no list")
      }
    }
    return artifact
  }
}
