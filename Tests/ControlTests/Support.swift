import Commerce
import Foundation
import Logging
import Messages
import Operations
import RPC
import Synchronization
import Testing
import Transport

@testable import Control

/// A folder of its own that goes with its owner.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("nightjar-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Clocks that stand still until a test moves them.
final class FakeTime: Sendable {
  private let now = Mutex((ContinuousClock.now, Timestamp(microseconds: 1_320_000_000_000_000)))

  var clock: ControlClock {
    ControlClock(monotonic: { self.now.withLock { $0.0 } }, wall: { self.now.withLock { $0.1 } })
  }

  var wall: Timestamp { now.withLock { $0.1 } }

  func advance(_ duration: Duration) {
    now.withLock { $0 = ($0.0 + duration, $0.1 + duration) }
  }
}

extension ControlClock {
  /// Clocks that do not move.
  static var stopped: ControlClock { FakeTime().clock }
}

/// What ingest would answer of each tenant.
final class FakeIngest: Sendable {
  private struct Tenant {
    var sequence: UInt64 = 0
    var events: Int64 = 0
    var content: String?
    var lastEvent = Timestamp.epoch
  }

  private let tenants = Mutex<[String: Tenant]>([:])
  private let down = Mutex(false)

  private let failures = Mutex<[String: StatusCode]>([:])

  func isDown(_ value: Bool) { down.withLock { $0 = value } }

  /// Answers for one tenant with an error from now on; nil = with its sequence.
  func fail(_ tenant: String, _ code: StatusCode?) { failures.withLock { $0[tenant] = code } }

  func set(_ tenant: String, sequence: UInt64) {
    tenants.withLock { $0[tenant, default: Tenant()].sequence = sequence }
  }

  func set(_ tenant: String, events: Int64) { tenants.withLock { $0[tenant, default: Tenant()].events = events } }

  func set(_ tenant: String, content: String, lastEvent: Timestamp = .epoch) {
    tenants.withLock {
      $0[tenant, default: Tenant()].content = content
      $0[tenant, default: Tenant()].lastEvent = lastEvent
    }
  }

  func figures(_ tenant: String) throws -> TenantFigures {
    guard !down.withLock({ $0 }) else { throw RPCError(.unavailable, "ingest is down") }
    if let code = failures.withLock({ $0[tenant] }) { throw RPCError(code, "no figures of \(tenant)") }
    let known = tenants.withLock { $0[tenant] ?? Tenant() }
    return TenantFigures(
      sequence: known.sequence, rows: TenantRows(customers: 0, products: 0, events: known.events),
      content: known.content, lastEvent: known.lastEvent)
  }
}

/// Asks control like a peer, without a connection between.
struct Desk {
  static let leaseTime: Duration = .seconds(30)
  static let asOf = Timestamp(microseconds: 1_317_000_000_000_000)
  static let admin = PeerIdentity(role: .admin, name: "cli")

  let scratch: Scratch
  let time: FakeTime
  let ingest: FakeIngest
  let metrics = Metrics()
  private(set) var core: ControlCore

  init() throws {
    scratch = try Scratch()
    time = FakeTime()
    ingest = FakeIngest()
    core = try Self.core(scratch, time, ingest, metrics)
  }

  /// Ends the process and starts another on its files.
  mutating func restart() throws {
    core = try Self.core(scratch, time, ingest, metrics)
  }

  private static func core(
    _ scratch: Scratch, _ time: FakeTime, _ ingest: FakeIngest, _ metrics: Metrics
  ) throws -> ControlCore {
    ControlCore(
      database: try ControlDatabase(folder: scratch.path, clock: time.clock), clock: time.clock, leaseTime: leaseTime,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), metrics: metrics,
      sign: { Signature(certificate: [1], signature: $0) }, describe: { try ingest.figures($0) })
  }

  /// The idempotency key that the changes of the present task carry.
  @TaskLocal static var key: String?

  static func caller(_ peer: PeerIdentity, method: String = #function) -> Caller {
    Caller(peer, method: method, key: key)
  }

  /// A request as it would have come over the wire.
  static func request<M: Message>(_: M.Type, _ build: (Draft<M>) -> Void) throws -> View<M> {
    try Encoded<M>(build).decode()
  }

  @discardableResult
  func create(
    _ id: String, name: String = "", horizonDays: UInt32 = 0, needsApproval: Bool = false, reason: String = ""
  ) async throws -> View<Proto.Tenant> {
    let request = try Self.request(Proto.CreateTenantRequest.self) { draft in
      draft.id = id
      draft.name = name
      draft.horizon_days = horizonDays
      draft.needs_approval = needsApproval
      draft.reason = reason
    }
    return try await core.createTenant(request, by: Self.caller(Self.admin)).decode()
  }

  func tenant(_ id: String) async throws -> View<Proto.Tenant> {
    try await core.getTenant(try Self.request(Proto.GetTenantRequest.self) { $0.id = id }).decode()
  }

  @discardableResult
  func setMode(_ tenant: String, _ mode: Proto.Mode, expected: UInt64 = 0, reason: String = "") async throws -> View<
    Proto.Tenant
  > {
    let request = try Self.request(Proto.SetModeRequest.self) { draft in
      draft.tenant = tenant
      draft.mode = mode
      draft.expected_generation = expected
      draft.reason = reason
    }
    return try await core.setMode(request, by: Self.caller(Self.admin)).decode()
  }

  @discardableResult
  func runNight(
    _ tenants: [String] = [], asOf: Timestamp = asOf, deadline: Timestamp = .epoch, retrain: Bool = false
  ) async throws -> View<Proto.Night> {
    let request = try Self.request(Proto.RunNightRequest.self) { draft in
      draft.as_of_us = asOf.microseconds
      draft.deadline_us = deadline.microseconds
      draft.retrain_unchanged = retrain
      draft.strings(\.n_tenants, \.tenants, tenants)
    }
    return try await core.runNight(request, by: Self.caller(Self.admin)).decode()
  }

  func night(_ id: UInt64 = 0) async throws -> View<Proto.Night> {
    try await core.getNight(try Self.request(Proto.GetNightRequest.self) { $0.night = id }).decode()
  }

  /// A tenant's part of the latest night.
  func work(_ tenant: String) async throws -> View<Proto.NightWork> {
    try #require(try await night().list(\.n_work, \.work).first { $0.tenant == tenant })
  }

  func lease(by trainer: String = "node-1", waitMilliseconds: UInt32 = 0, memory: UInt64 = 0) async throws
    -> View<Proto.Lease>?
  {
    let request = try Self.request(Proto.LeaseWorkRequest.self) { draft in
      draft.wait_ms = waitMilliseconds
      draft.memory_bytes = memory
    }
    return try await core.leaseWork(request, for: Self.caller(Self.trainer(trainer))).decode().lease
  }

  static func trainer(_ name: String) -> PeerIdentity { PeerIdentity(role: .trainer, name: name) }

  @discardableResult
  func renew(_ lease: View<Proto.Lease>, by trainer: String = "node-1") async throws -> View<Proto.RenewLeaseResponse> {
    let request = try Self.request(Proto.RenewLeaseRequest.self) { draft in
      draft.tenant = lease.tenant
      draft.message(\.fence) { lease.token.fill($0) }
    }
    return try await core.renewLease(request, for: Self.trainer(trainer)).decode()
  }

  /// What a trainer measured, by candidate: RMSE.
  @discardableResult
  func report(
    _ lease: View<Proto.Lease>, _ rmse: [String: Double] = ["als": 0.38, "popularity": 0.39],
    judged: UInt32 = 400, championProblem: String = "", by trainer: String = "node-1"
  ) async throws -> Encoded<Proto.ReportEvaluationResponse> {
    let request = try Self.request(Proto.ReportEvaluationRequest.self) { draft in
      draft.tenant = lease.tenant
      draft.message(\.fence) { lease.token.fill($0) }
      draft.judged_customers = judged
      draft.champion_problem = championProblem
      draft.list(\.n_candidates, \.candidates, of: rmse.sorted { $0.key < $1.key }) { figures, candidate in
        figures.candidate = candidate.key
        figures.recipe = candidate.key
        figures.rmse = candidate.value
        figures.ndcg_at_10 = 0.2
        figures.judged_cut_us = lease.as_of_us - Int64(lease.horizon_days) * 86_400_000_000
        figures.served_cut_us = lease.as_of_us
      }
    }
    return try await core.reportEvaluation(request, for: Self.trainer(trainer))
  }

  /// Completes with the bakes ordered.
  @discardableResult
  func complete(
    _ lease: View<Proto.Lease>, _ orders: Encoded<Proto.ReportEvaluationResponse>, by trainer: String = "node-1"
  ) async throws -> Encoded<Proto.CompleteWorkResponse> {
    try await complete(lease, bakes: orders.decode().list(\.n_bakes, \.bakes).map(\.bake), by: trainer)
  }

  @discardableResult
  func complete(
    _ lease: View<Proto.Lease>, bakes: [String], availabilityChanges: Timestamp = .epoch, by trainer: String = "node-1"
  ) async throws -> Encoded<Proto.CompleteWorkResponse> {
    let request = try Self.request(Proto.CompleteWorkRequest.self) { draft in
      draft.availability_changes_us = availabilityChanges.microseconds
      draft.tenant = lease.tenant
      draft.message(\.fence) { lease.token.fill($0) }
      draft.list(\.n_bakes, \.bakes, of: bakes) { published, bake in
        published.bake = bake
        published.manifest_digest = digest(of: bake)
        published.customers = 40
        published.candidates = 50
      }
    }
    return try await core.completeWork(request, for: Self.trainer(trainer))
  }

  func fail(
    _ lease: View<Proto.Lease>, _ kind: Proto.FailureKind = .work, because reason: String = "out of memory",
    memory: UInt64 = 0, by trainer: String = "node-1"
  ) async throws {
    let request = try Self.request(Proto.FailWorkRequest.self) { draft in
      draft.tenant = lease.tenant
      draft.message(\.fence) { lease.token.fill($0) }
      draft.reason = reason
      draft.kind = kind
      draft.needed_memory_bytes = memory
    }
    _ = try await core.failWork(request, for: Self.caller(Self.trainer(trainer)))
  }

  /// Lets the pause after a first or second failure pass.
  func passPause() { time.advance(Self.leaseTime * 2) }

  /// One night of one tenant from its start to its end; returns what is live after it.
  @discardableResult
  func wholeNight(_ tenant: String, _ rmse: [String: Double] = ["als": 0.38, "popularity": 0.39]) async throws -> String
  {
    try await runNight([tenant])
    let lease = try #require(try await lease())
    return try await complete(lease, report(lease, rmse)).decode().live_bake
  }

  func versions(_ tenant: String, size: UInt32 = 0, token: String = "") async throws
    -> View<Proto.ListVersionsResponse>
  {
    let request = try Self.request(Proto.ListVersionsRequest.self) { draft in
      draft.tenant = tenant
      draft.page_size = size
      draft.page_token = token
    }
    return try await core.listVersions(request).decode()
  }

  /// A version's state.
  func state(_ bake: String, of tenant: String) async throws -> Proto.VersionState {
    try #require(try await versions(tenant).list(\.n_versions, \.versions).first { $0.bake == bake }).state
  }

  @discardableResult
  func activate(
    _ tenant: String, _ bake: String, hold: Proto.Hold = .untilReleased, expected: UInt64? = nil, reason: String = ""
  ) async throws -> View<Proto.Tenant> {
    let present = try await self.tenant(tenant).generation
    let request = try Self.request(Proto.ActivateRequest.self) { draft in
      draft.tenant = tenant
      draft.bake = bake
      draft.hold = hold
      draft.expected_generation = expected ?? present
      draft.reason = reason
    }
    return try await core.activate(request, by: Self.caller(Self.admin)).decode()
  }

  @discardableResult
  func release(_ tenant: String, expected: UInt64 = 0) async throws -> View<Proto.Tenant> {
    let request = try Self.request(Proto.ReleaseHoldRequest.self) { draft in
      draft.tenant = tenant
      draft.expected_generation = expected
    }
    return try await core.releaseHold(request, by: Self.caller(Self.admin)).decode()
  }

  func journal(_ tenant: String = "", until: Timestamp? = nil, size: UInt32 = 1_000, token: String = "") async throws
    -> View<Proto.ReadJournalResponse>
  {
    let request = try Self.request(Proto.ReadJournalRequest.self) { draft in
      draft.tenant = tenant
      draft.until_us = until?.microseconds ?? 0
      draft.page_size = size
      draft.page_token = token
    }
    return try await core.readJournal(request).decode()
  }

  /// Kinds of a tenant's entries, oldest first.
  func kinds(_ tenant: String) async throws -> [String] {
    try await journal(tenant).list(\.n_entries, \.entries).map(\.kind).reversed()
  }
}

extension View<Proto.Lease> {
  /// The fence as two numbers.
  var token: Control.Fence { Control.Fence(epoch: self.fence?.epoch ?? 0, number: self.fence?.number ?? 0) }
}

/// 64 hex digits that a bake's manifest might have.
func digest(of bake: String) -> String {
  let hash = bake.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  return String(repeating: String(hash | 1 << 63, radix: 16), count: 4)
}

/// Expects an RPC error with a code and a text in it.
func expectRefusal(
  _ code: StatusCode, _ text: String = "", sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () async throws -> Void
) async {
  let error = await #expect(throws: RPCError.self, sourceLocation: sourceLocation) { try await body() }
  #expect(error?.code == code, "\(String(describing: error))", sourceLocation: sourceLocation)
  #expect(
    text.isEmpty || error?.description.contains(text) == true, "\(String(describing: error))",
    sourceLocation: sourceLocation)
}
