import ArtifactStore
import Commerce
import Learning
import Logging
import Messages
import Operations
import RPC

/// One lease, from the snapshot to the report that its work is complete.
struct TenantNight: Sendable {
  let lease: Lease
  let keeper: LeaseKeeper
  let calls: ControlCalls
  let ingest: ServiceClient
  let store: ArtifactDirectory
  let compute: ComputeExecutor
  let stages: Stages
  /// What the night may take.
  let memory: ByteCount
  let logger: Logger

  /// Does the work. Nothing is published before control has given its verdict, and nothing is live before it is
  /// complete: whoever dies on the way leaves at most artifacts that nobody refers to. Returns what was published.
  func run() async throws -> Set<ArtifactDigest> {
    stages.reach(.leased)
    let data = try await stages.time(.snapshot) {
      try await SnapshotReader(ingest: ingest, lease: lease, keeper: keeper, logger: logger).read()
    }
    stages.reach(.snapshotRead)
    // The lease counts customers and products that have rows of their own, and not those that only events name.
    try MemoryEstimate(
      customers: UInt64(data.customers.count), products: UInt64(data.products.count), events: data.events
    ).check(within: memory)
    logger.info(
      "snapshot read",
      metadata: [
        "customers": "\(data.customers.count)", "products": "\(data.products.count)", "events": "\(data.events)",
      ])
    let night = Night(data: data, cuts: lease.cuts, seed: lease.seed)
    let evaluation = try await compute.run { try evaluate(night) }
    stages.reach(.judged)
    if !evaluation.championProblem.isEmpty {
      logger.error("the live model cannot be judged", metadata: ["reason": "\(evaluation.championProblem)"])
    }
    let answer = try await stages.time(.verdict) { try await calls.report(evaluation) }
    stages.reach(.ordered)
    let orders = answer.list(\.n_bakes, \.bakes)
    logger.info("verdict", metadata: ["reason": "\(answer.reason)", "bakes": "\(orders.count)"])
    var published: [Bake.Published] = []
    for order in orders {
      published.append(
        try await compute.run {
          let bake = try bake(order, of: evaluation, night)
          stages.reach(.refitted)
          return try bake.publish(to: store, stages)
        })
      logger.info(
        "published",
        metadata: [
          "candidate": "\(order.candidate)", "bake": "\(order.bake)", "customers": "\(published.last?.customers ?? 0)",
        ])
    }
    stages.reach(.published)
    guard !published.isEmpty else { throw TrainingError.order("control ordered nothing") }
    let live = try await stages.time(.completion) {
      try await calls.complete(published, availabilityChanges: data.nextAvailabilityChange(after: lease.cuts.served))
    }
    stages.reach(.completed)
    logger.info("completed", metadata: ["live_bake": "\(live)"])
    return Set(published.map(\.digest))
  }

  /// Removes from the store what of the tenant cannot be live again, once the lease is over: what another night makes meanwhile
  /// is younger than what is removed. A failure leaves it to the next night.
  func tidy(beside published: Set<ArtifactDigest>) async {
    guard !lease.kept.isEmpty else { return }
    do {
      let removed = try await compute.run {
        try store.removeAll(of: lease.tenant, but: lease.kept, olderBy: Limits.unwantedArtifacts, than: published)
      }
      if removed > 0 { logger.info("old artifacts removed", metadata: ["artifacts": "\(removed)"]) }
    } catch {
      logger.warning("old artifacts stay in the store", metadata: ["error": "\(error)"])
    }
  }

  private func evaluate(_ night: Night) throws -> Evaluation {
    var champion: Candidate?
    var problem = ""
    do { champion = try self.champion(night) } catch let error as TrainingError { problem = "\(error)" }
    switch lease.kind {
    case .rebake:
      return Evaluation(unjudged: champion.map { [$0] } ?? [], of: night, championProblem: problem)
    case .train where night.data.isUnderFloor:
      let calibration = try night.calibration(of: .popularity, on: night.calibrationRows())
      let popularity = Candidate(.popularity, try night.fit(.popularity, calibration))
      return Evaluation(
        unjudged: [popularity] + (champion.map { [$0] } ?? []), of: night, championProblem: problem)
    case .train:
      return try Evaluation(night, champion: champion, championProblem: problem, stages: stages)
    }
  }

  /// The live model over today's catalogue; nil = there is none.
  private func champion(_ night: Night) throws -> Candidate? {
    guard let version = lease.champion else { return nil }
    let champion = try Champion(version, of: lease.tenant, in: store)
    let model = try champion.file.model(tenant: lease.tenant, id: champion.model, products: night.data.products)
    return Candidate(champion: model, file: champion.file)
  }

  private func bake(
    _ order: View<Proto.BakeOrder>, of evaluation: Evaluation, _ night: Night
  ) throws -> Bake {
    guard let candidate = evaluation.candidates.first(where: { $0.name.rawValue == order.candidate }) else {
      let problem = evaluation.championProblem
      throw TrainingError.order("there is no '\(order.candidate)'" + (problem.isEmpty ? "" : "; \(problem)"))
    }
    let trained = try stages.time(.refit) { try candidate.trained(night) }
    return Bake(
      tenant: lease.tenant, trained: trained, file: candidate.file, model: order.model, bake: order.bake, night: night,
      watermark: lease.watermark, listsBought: lease.listsBought)
  }
}
