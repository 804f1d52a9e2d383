import ArtifactStore
import Commerce
import Foundation
import Learning
import Messages
import RankedLists

/// A model applied to a snapshot: every customer's list, in an artifact.
struct Bake: Sendable {
  let tenant: TenantID
  let candidate: Candidate
  /// Ids that control gave.
  let model: String
  let bake: String
  let night: Night
  let watermark: UInt64

  /// What was published.
  struct Published: Sendable {
    let bake: String
    let digest: ArtifactDigest
    let customers: UInt64
    let candidates: UInt64
  }

  private struct Lists {
    var customers: UInt64 = 0
    var candidates: UInt64 = 0
    var probes: [String] = []
  }

  /// Bakes and publishes; nothing can be seen of an attempt that fails or is cancelled.
  ///
  /// Complexity: O(customers × products × factors). Throws `ArtifactError`, `RankedListsError`, `CancellationError` or the
  /// file system's error.
  func publish(to store: ArtifactDirectory) throws -> Published {
    var lists = Lists()
    let digest = try store.publish(
      tenant: tenant,
      manifest: { files in manifest(files, lists) },
      write: { listsPath, modelPath in
        lists = try writeLists(to: listsPath)
        try Data(modelFile().encoded.bytes).write(to: URL(filePath: modelPath))
      })
    return Published(bake: bake, digest: digest, customers: lists.customers, candidates: lists.candidates)
  }

  private func modelFile() -> ModelFile {
    candidate.file
      ?? ModelFile(
        candidate.model, id: model, tenant: tenant, products: night.data.products, watermark: watermark,
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
      draft.strings(\.n_probes, \.probes, lists.probes)
    }
  }

  private func writeLists(to path: String) throws -> Lists {
    let data = night.data
    let history = data.interactions.history(through: night.cuts.served)
    let scorer = Scorer(
      candidate.model.served, recipe: candidate.model.recipe, history: history, segments: data.segments)
    let eligible = data.eligible(at: night.cuts.served)
    var writer = try RankedListsWriter(
      path: path,
      header: RankedListsHeader(tenant: tenant.rawValue, model: model, bake: bake, asOf: night.cuts.served))
    var lists = Lists()
    var candidateOf = [UInt32](repeating: 0, count: eligible.count)
    for product in eligible.indices where eligible[product] {
      candidateOf[product] = try writer.addCandidate(product: data.products[product])
      lists.candidates += 1
    }
    var top = TopProducts(length: Limits.listLength, eligible: eligible)
    func entries(_ scores: [Float], excluding bought: ArraySlice<Int32>) -> [RankedEntry] {
      top.select(scores, excluding: bought).map {
        RankedEntry(candidate: candidateOf[Int($0.product)], score: $0.score)
      }
    }
    let bought = history.purchases()
    for customer in history.activeCustomers() {
      if customer % Limits.customersPerCheck == 0 { try Task.checkCancellation() }
      let list = entries(scorer.scores(of: customer), excluding: bought[customer])
      let id = data.customers[customer]
      if list.isEmpty {
        try writer.add(customer: id, nothing: .nothingEligible)
      } else {
        try writer.add(customer: id, entries: list)
      }
      if lists.probes.count < Limits.probes { lists.probes.append(id) }
      lists.customers += 1
    }
    let overall = entries(scorer.popularity.logShares(), excluding: [])
    if !overall.isEmpty {
      try writer.setFallback(.overall, entries: overall)
      for segment in data.segments.names {
        let list = entries(scorer.popularity.logShares(segment: segment), excluding: [])
        try writer.setFallback(.segment(segment), entries: list)
      }
    }
    try writer.finish()
    return lists
  }
}
