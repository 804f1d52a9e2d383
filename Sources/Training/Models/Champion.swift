import ArtifactStore
import Commerce
import Foundation
import Messages

/// The live version's model, as its artifact in the store holds it.
struct Champion: Sendable {
  /// Id of the model.
  let model: String
  let file: ModelFile

  /// Reads and checks the model file of the version's artifact. Throws `champion` where it is missing or damaged.
  init(_ version: View<Proto.Version>, of tenant: TenantID, in store: ArtifactDirectory) throws(TrainingError) {
    guard let digest = ArtifactDigest(hex: version.manifest_digest) else {
      throw .champion("'\(version.manifest_digest)' is no manifest digest")
    }
    let path = store.path(tenant: tenant, digest: digest, file: .model)
    do throws(ArtifactError) {
      _ = try store.verify(tenant: tenant, digest: digest, files: [.model])
    } catch {
      throw .champion("\(error)")
    }
    do {
      let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? UInt64 ?? .max
      guard size <= Limits.maximumModelBytes else {
        throw TrainingError.champion("\(path) has \(size) bytes, over the limit of \(Limits.maximumModelBytes)")
      }
      file = ModelFile(bytes: Array(try Data(contentsOf: URL(filePath: path))))
    } catch let error as TrainingError {
      throw error
    } catch {
      throw .champion("\(path) cannot be read: \(error)")
    }
    model = version.model
  }
}
