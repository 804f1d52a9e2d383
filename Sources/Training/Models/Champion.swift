import ArtifactStore
import Commerce
import Messages

/// The live version's model, as its artifact in the store holds it.
struct Champion: Sendable {
  /// Id of the model.
  let model: String
  let file: ModelFile

  /// Reads and checks the model file of the version's artifact. Throws `champion` where it is missing or damaged, the store's
  /// own error where the store cannot say: a live model is not to lose its place to a disk that is away.
  init(_ version: View<Proto.Version>, of tenant: TenantID, in store: ArtifactDirectory) throws {
    guard let digest = ArtifactDigest(hex: version.manifest_digest) else {
      throw TrainingError.champion("'\(version.manifest_digest)' is no manifest digest")
    }
    do throws(ArtifactError) {
      file = ModelFile(
        bytes: try store.read(tenant: tenant, digest: digest, file: .model, limit: Limits.maximumModelBytes))
    } catch {
      if case .system = error { throw error }
      throw TrainingError.champion("\(error)")
    }
    model = version.model
  }
}
