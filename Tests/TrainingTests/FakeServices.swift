import ArtifactStore
import Commerce
import Messages
import NightjarClient
import Operations
import RPC
import ServiceLifecycle
import Synchronization
import Testing
import Transport

@testable import Training

/// Control and ingest as a trainer sees them, over real sockets: one lease, and a script of what goes wrong.
final class FakeServices: Sendable {
  /// What is to happen.
  struct Script: Sendable {
    var kind = Proto.WorkKind.train
    var ttl: Duration = .seconds(30)
    var champion: Encoded<Proto.Version>?
    /// What control orders, whatever is reported.
    var orders = ["als"]
    /// Digests of what can be live again.
    var kept: [String] = []
    /// Chunks after which the snapshot stream breaks, once each time.
    var breaks: [Int] = []
    /// What ingest answers to a request for the snapshot; nil = it streams.
    var snapshotError: StatusCode?
    /// Renewals for which a break waits.
    var renewalsBeforeBreak = 0
    /// Errors that control answers a report with before it takes it.
    var reportErrors: [StatusCode] = []
    /// What control answers to a renewal; nil = it renews.
    var renewalError: StatusCode?
    /// Replaces the chunks of the snapshot.
    var chunks: [Encoded<Proto.SnapshotChunk>] = SampleTenant().chunks()
    /// What the trainer may use; nil = plenty.
    var memory: ByteCount?
    /// How long the trainer goes on after a stop began.
    var grace: Duration = .seconds(60)
    /// Events that control says the tenant has.
    var events: UInt64 = 0
    /// Runs when a report arrives.
    var onReport: @Sendable () async -> Void = {}
  }

  /// What the trainer did.
  struct Heard: Sendable {
    var leases = 0
    var renewals = 0
    var streams: [UInt64] = []
    var grants: [[UInt8]] = []
    var reports: [View<Proto.ReportEvaluationRequest>] = []
    var completed: [View<Proto.CompleteWorkRequest>] = []
    var failures: [String] = []
    var kinds: [Proto.FailureKind] = []
    var needed: [UInt64] = []
    var availabilityChanges: [Int64] = []
  }

  private let store: String
  private let script: Mutex<Script>
  private let heardSoFar = Mutex(Heard())

  var heard: Heard { heardSoFar.withLock { $0 } }

  init(_ script: Script, store: String) {
    self.script = Mutex(script)
    self.store = store
  }

  /// Runs a trainer against the services until `isDone`, then stops it gracefully.
  func train(until isDone: @escaping @Sendable (Heard) -> Bool) async throws {
    let machine = Machine(cores: 1, memory: ByteCount(1 << 40))
    let control = try serve(.control) { installControl(in: &$0) }
    let ingest = try serve(.ingest) { installIngest(in: &$0) }
    let trainer = Trainer(
      control: try channel(to: control, .control), ingest: try channel(to: ingest, .ingest), store: store,
      share: try MachineShare(of: machine, trainers: 1, threads: nil, memory: script.withLock { $0.memory }),
      grace: script.withLock { $0.grace }, metrics: Metrics(), logger: quiet)
    let group = ServiceGroup(configuration: .init(services: [.init(service: trainer)], logger: quiet))
    try await withThrowingTaskGroup { tasks in
      tasks.addTask { try await group.run() }
      let deadline = ContinuousClock.now + .seconds(60)
      while !isDone(heard) {
        guard ContinuousClock.now < deadline else {
          Issue.record("the trainer never came to the end expected: \(heard)")
          break
        }
        try await Task.sleep(for: .milliseconds(2))
      }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
    await control.shutdown(grace: .zero)
    await ingest.shutdown(grace: .zero)
  }

  private func serve(_ role: Role, _ build: (inout Router) -> Void) throws -> Server {
    var router = Router()
    build(&router)
    return try Server(
      role: role, address: SocketAddress(host: "127.0.0.1", port: 0), certificates: Certificates.of(role),
      router: router, reactors: 1, logger: quiet)
  }

  private func channel(to server: Server, _ role: Role) throws -> ServiceClient {
    try ServiceClient(
      to: [SocketAddress(host: "127.0.0.1", port: server.port)], expecting: role, serverName: nil,
      certificates: Certificates.of(.trainer), logger: quiet)
  }

  private func note(_ change: (inout Heard) -> Void) { heardSoFar.withLock { change(&$0) } }

  private func installControl(in router: inout Router) {
    router.unary(ControlService.leaseWork) { [self] _, _ in
      let script = script.withLock { $0 }
      let isFirst = heardSoFar.withLock { heard in
        heard.leases += 1
        return heard.leases == 1
      }
      guard isFirst else {
        try await Task.sleep(for: .milliseconds(20))
        return Encoded { _ in }
      }
      return Encoded { $0.message(\.lease) { Self.fill($0, script) } }
    }
    router.unary(ControlService.renewLease) { [self] _, _ in
      note { $0.renewals += 1 }
      if let error = script.withLock({ $0.renewalError }) { throw RPCError(error, "no longer yours") }
      let renewals = heard.renewals
      return Encoded { $0.message(\.grant) { $0.grant = [UInt8(truncatingIfNeeded: renewals)] } }
    }
    router.unary(ControlService.reportEvaluation) { [self] request, _ in
      let (error, orders) = script.withLock { script in
        (script.reportErrors.isEmpty ? nil : script.reportErrors.removeFirst(), script.orders)
      }
      if let error { throw RPCError(error, "as the script says") }
      note { $0.reports.append(request) }
      await script.withLock { $0.onReport }()
      return Encoded { answer in
        answer.list(\.n_bakes, \.bakes, of: orders) { order, candidate in
          order.candidate = candidate
          order.model = candidate == "champion" ? "m-1" : "\(candidate)-1"
          order.bake = "\(candidate)-bake"
        }
      }
    }
    router.unary(ControlService.completeWork) { [self] request, _ in
      note {
        $0.completed.append(request)
        $0.availabilityChanges.append(request.availability_changes_us)
      }
      return Encoded { $0.live_bake = "live" }
    }
    router.unary(ControlService.failWork) { [self] request, _ in
      note {
        $0.failures.append(request.reason)
        $0.kinds.append(request.kind)
        $0.needed.append(request.needed_memory_bytes)
      }
      return Encoded { _ in }
    }
  }

  private func installIngest(in router: inout Router) {
    router.stream(IngestService.streamSnapshot) { [self] requests, responses, _ in
      for try await request in requests {
        let from = request.resume?.key ?? 0
        note {
          $0.streams.append(from)
          $0.grants.append(request.grant?.grant ?? [])
        }
        if let error = script.withLock({ $0.snapshotError }) { throw RPCError(error, "not for you") }
        let (chunks, stop) = script.withLock { script in
          (script.chunks, script.breaks.isEmpty ? nil : script.breaks.removeFirst())
        }
        for (number, chunk) in chunks.enumerated().dropFirst(Int(from)) {
          if number == stop {
            let renewals = script.withLock { $0.renewalsBeforeBreak }
            while heard.renewals < renewals { try await Task.sleep(for: .milliseconds(2)) }
            throw RPCError(.unavailable, "as the script says")
          }
          try await responses.send(chunk)
        }
      }
    }
  }

  private static func fill(_ lease: Draft<Proto.Lease>, _ script: Script) {
    lease.tenant = "shop"
    lease.night = 1
    lease.kind = script.kind
    lease.as_of_us = SampleTenant.asOf
    lease.watermark = 9
    lease.ttl_ms = UInt32(script.ttl / .milliseconds(1))
    lease.message(\.fence) { $0.number = 5 }
    lease.message(\.grant) { $0.grant = [0] }
    lease.horizon_days = 28
    lease.seed = 7
    lease.events = script.events
    lease.strings(\.n_kept_digests, \.kept_digests, script.kept)
    guard let champion = try? script.champion?.decode() else { return }
    lease.message(\.champion) {
      $0.bake = champion.bake
      $0.model = champion.model
      $0.manifest_digest = champion.manifest_digest
    }
  }
}
