import ArtifactStore
import Commerce
import Foundation
import Learning
import Messages
import RankedLists

/// A model applied to a snapshot: every customer's list, in an artifact.
struct Bake: Sendable {
  let tenant: TenantID
  let trained: TrainedModel
  /// The file that the model came from; nil for one made this night.
  let file: ModelFile?
  /// Ids that control gave.
  let model: String
  let bake: String
  let night: Night
  let watermark: UInt64
  /// Customers' lists hold also what they have bought already.
  let listsBought: Bool

  /// What was published.
  struct Published: Sendable {
    let bake: String
    let digest: ArtifactDigest
    let customers: UInt64
    let candidates: UInt64
  }

  struct Lists {
    var customers: UInt64 = 0
    var candidates: UInt64 = 0
    var probes: [String] = []
  }

  /// Bakes and publishes; nothing can be seen of an attempt that fails or is cancelled.
  ///
  /// Complexity: O(customers × products × factors). Throws `ArtifactError`, `RankedListsError`, `CancellationError` or the
  /// file system's error.
  func publish(to store: ArtifactDirectory, _ stages: Stages) throws -> Published {
    var lists = Lists()
    let digest = try stages.time(.publish) {
      try store.publish(
        tenant: tenant,
        manifest: { files in manifest(files, lists) },
        write: { listsPath, modelPath in
          lists = try stages.time(.bake) { try writeLists(to: listsPath) }
          stages.reach(.listsWritten)
          try Data(modelFile().encoded.bytes).write(to: URL(filePath: modelPath))
          stages.reach(.modelWritten)
        })
    }
    return Published(bake: bake, digest: digest, customers: lists.customers, candidates: lists.candidates)
  }

  private func modelFile() -> ModelFile {
    file
      ?? ModelFile(
        trained, id: model, tenant: tenant, products: night.data.products, watermark: watermark,
        seed: night.seed)
  }

  private func manifest(_ files: ArtifactFiles, _ lists: Lists) -> Encoded<Proto.Manifest> {
    Encoded { draft in
      draft.format = 1
      draft.tenant = tenant.rawValue
      draft.model = model
      draft.bake = bake
      draft.as_of_us = night.cuts.served
      draft.watermark = watermark
      files.fill(draft)
      draft.customers = lists.customers
      draft.candidates = lists.candidates
      draft.data_floor = night.data.isUnderFloor
      draft.lists_bought = listsBought
      draft.strings(\.n_probes, \.probes, lists.probes)
    }
  }
}
