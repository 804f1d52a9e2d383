import ArtifactStore
import CoreMetrics
import Logging
import Messages
import NightjarClient
import Operations
import RPC
import ServiceLifecycle

/// The trainer service: takes one tenant-night after the other from control and does it. Keeps nothing of its own.
///
/// On a graceful stop it finishes the night under way and takes no other; when cancelled it stops at once, and the lease
/// runs out.
public struct Trainer: Service {
  private static let pauseAfterFailure = Duration.seconds(1)

  private let control: ServiceClient
  private let ingest: ServiceClient
  private let store: ArtifactDirectory
  private let compute = ComputeExecutor()
  private let stages: Stages
  private let completed: Counter
  private let failed: Counter
  private let logger: Logger

  /// A trainer that publishes into the folder `store`.
  public init(control: ServiceClient, ingest: ServiceClient, store: String, metrics: Metrics, logger: Logger) {
    self.control = control
    self.ingest = ingest
    self.store = ArtifactDirectory(root: store)
    let name = "nightjar_trainer_nights_total"
    metrics.describe(name, "Tenant-nights that this trainer has ended, by how.")
    completed = Counter(label: name, dimensions: [("end", "completed")], factory: metrics)
    failed = Counter(label: name, dimensions: [("end", "failed")], factory: metrics)
    stages = Stages(metrics)
    self.logger = logger
  }

  /// Works until the group stops.
  public func run() async throws {
    while !Task.isShuttingDownGracefully && !Task.isCancelled {
      do {
        if let lease = try await cancelWhenGracefulShutdown({ try await nextLease() }) {
          await work(on: lease, received: .now)
        }
      } catch {
        if Task.isShuttingDownGracefully || Task.isCancelled { break }
        logger.warning("no work could be had from control", metadata: ["error": "\(error)"])
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.pauseAfterFailure) }
      }
    }
    await control.close()
    await ingest.close()
  }

  private func nextLease() async throws -> Lease? {
    let answer = try await control.call(ControlService.leaseWork) { $0.wait_ms = Limits.leaseWaitMilliseconds }
    return try answer.lease.map { view throws(TrainingError) in try Lease(validating: view) }
  }

  private func work(on lease: Lease, received: ContinuousClock.Instant) async {
    var logger = logger
    logger[metadataKey: "tenant"] = "\(lease.tenant)"
    logger[metadataKey: "night"] = "\(lease.night)"
    logger.info("leased", metadata: ["kind": "\(lease.kind)"])
    let keeper = LeaseKeeper(lease, received: received, control: control, logger: logger)
    let calls = ControlCalls(control: control, lease: lease, logger: logger)
    let night = TenantNight(
      lease: lease, keeper: keeper, calls: calls, ingest: ingest, store: store, compute: compute, stages: stages,
      logger: logger)
    do {
      try await keeper.hold { try await night.run() }
      completed.increment()
    } catch {
      failed.increment()
      logger.error("the night failed", metadata: ["error": "\(error)"])
      if case TrainingError.leaseLost = error { return }
      if !Task.isCancelled { await calls.fail("\(error)") }
    }
  }
}
