import ArtifactStore
import Commerce
import CoreMetrics
import Logging
import Messages
import NightjarClient
import Operations
import RPC
import ServiceLifecycle

import enum Learning.LinearAlgebra

/// The trainer service: takes one tenant-night after the other from control and does it. Keeps nothing of its own.
///
/// On a graceful stop it takes no other night, and finishes the one under way if its grace suffices: else it gives it back,
/// for another trainer to begin at once. When cancelled it stops where it is, and the lease runs out.
public struct Trainer: Service {
  private static let pauseAfterFailure = Duration.seconds(1)
  /// No night is longer, so what is older in the store's making is nobody's.
  private static let longestNight = Duration.seconds(7 * 86_400)

  private let control: ServiceClient
  private let ingest: ServiceClient
  private let store: ArtifactDirectory
  private let share: MachineShare
  private let grace: Duration
  private let compute = ComputeExecutor()
  private let stages: Stages
  private let completed: Counter
  private let failed: Counter
  private let handedBack: Counter
  private let logger: Logger

  /// How a tenant-night came to an end.
  private enum End {
    case finished(Result<Set<ArtifactDigest>, any Error>)
    case outOfGrace
  }

  /// A trainer that publishes into the folder `store` and takes `share` of the machine.
  ///
  /// - Parameter grace: how long it goes on with a night after a stop began.
  public init(
    control: ServiceClient, ingest: ServiceClient, store: String, share: MachineShare, grace: Duration,
    metrics: Metrics, logger: Logger
  ) {
    self.control = control
    self.ingest = ingest
    self.store = ArtifactDirectory(root: store)
    self.share = share
    self.grace = grace
    let name = "nightjar_trainer_nights_total"
    metrics.describe(name, "Tenant-nights that this trainer has ended, by how.")
    completed = Counter(label: name, dimensions: [("end", "completed")], factory: metrics)
    failed = Counter(label: name, dimensions: [("end", "failed")], factory: metrics)
    handedBack = Counter(label: name, dimensions: [("end", "handed_back")], factory: metrics)
    stages = Stages(metrics)
    self.logger = logger
  }

  /// Works until the group stops.
  public func run() async throws {
    LinearAlgebra.setThreads(share.threads)
    await sweep()
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

  /// Removes what trainers that were killed have left half written in the store.
  private func sweep() async {
    let cutoff = Timestamp.wallClock() - Self.longestNight
    do {
      try await compute.run { [store] in try store.sweep(stagedBefore: cutoff) }
    } catch {
      logger.warning("the store cannot be swept", metadata: ["error": "\(error)"])
    }
  }

  private func nextLease() async throws -> Lease? {
    let answer = try await control.call(ControlService.leaseWork) { request in
      request.wait_ms = Limits.leaseWaitMilliseconds
      request.memory_bytes = share.memory.bytes
    }
    guard let view = answer.lease else { return nil }
    do throws(TrainingError) { return try Lease(validating: view) } catch {
      // Another trainer may understand it: it need not wait until the lease has run out, nor is the tenant to blame.
      _ = try? await control.call(ControlService.failWork) { request in
        request.tenant = view.tenant
        if let fence = view.fence { request.message(\.fence) { Lease.Fence(fence).fill($0) } }
        request.reason = "\(error)".reason(utf8Bytes: Limits.reasonBytes)
        request.kind = .surroundings
      }
      throw error
    }
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
      memory: share.memory, logger: logger)
    switch await end(of: night) {
    case .finished(.success(let published)):
      completed.increment()
      await night.tidy(beside: published)
    case .outOfGrace:
      handedBack.increment()
      logger.notice("the stop leaves no time for the night; it goes back to control")
      await calls.handBack()
    case .finished(.failure(let error)):
      failed.increment()
      logger.error("the night failed", metadata: ["error": "\(error)"])
      if case TrainingError.leaseLost = error { return }
      if !Task.isCancelled { await calls.fail(error) }
    }
  }

  /// Does the night, but no longer than a stop allows. A computation that does not heed its cancellation is left behind: it
  /// can publish, but no longer report.
  private func end(of night: TenantNight) async -> End {
    let (ends, continuation) = AsyncStream.makeStream(of: End.self)
    let working = Task {
      do {
        try night.lease.estimate.check(within: share.memory)
        let published = try await night.keeper.hold { try await night.run() }
        continuation.yield(.finished(.success(published)))
      } catch {
        continuation.yield(.finished(.failure(error)))
      }
    }
    let stopping = Task {
      guard (try? await gracefulShutdown()) != nil, (try? await Task.sleep(for: grace)) != nil else { return }
      continuation.yield(.outOfGrace)
    }
    defer {
      working.cancel()
      stopping.cancel()
    }
    return await ends.first { _ in true } ?? .finished(.failure(CancellationError()))
  }
}
