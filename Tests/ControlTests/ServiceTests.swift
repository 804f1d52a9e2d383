import Messages
import NightjarClient
import RPC
import Testing
import Transport

@testable import Control

@Suite("Control over TLS", .timeLimit(.minutes(2)))
struct ServiceTests {
  /// Calls a method with an empty request; the status.
  struct Probe: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let caller: Role
    let status: @Sendable (Channel) async -> StatusCode

    init<Q, R>(_ method: Method<Q, R>, only caller: Role) {
      testDescription = method.name
      self.caller = caller
      status = { channel in
        do {
          guard method.kind == .unary else {
            let call = try await channel.stream(method)
            try await call.send { _ in }
            try await call.finish()
            for try await _ in call.responses { break }
            call.cancel()
            return .ok
          }
          _ = try await channel.call(method) { _ in }
          return .ok
        } catch {
          return (error as? RPCError)?.code ?? .unknown
        }
      }
    }
  }

  static let probes = [
    Probe(ControlService.createTenant, only: .admin), Probe(ControlService.getTenant, only: .admin),
    Probe(ControlService.listTenants, only: .admin), Probe(ControlService.setMode, only: .admin),
    Probe(ControlService.runNight, only: .admin), Probe(ControlService.getNight, only: .admin),
    Probe(ControlService.listVersions, only: .admin), Probe(ControlService.activate, only: .admin),
    Probe(ControlService.releaseHold, only: .admin), Probe(ControlService.readJournal, only: .admin),
    Probe(ControlService.leaseWork, only: .trainer), Probe(ControlService.renewLease, only: .trainer),
    Probe(ControlService.reportEvaluation, only: .trainer), Probe(ControlService.completeWork, only: .trainer),
    Probe(ControlService.failWork, only: .trainer), Probe(ControlService.watchRouting, only: .ranker),
    Probe(ControlService.reportServing, only: .ranker),
  ]

  @Test("each method answers one role and refuses the others")
  func roles() async throws {
    try await Site.run { site in
      for identity in Certificates.names + ["trainer/node-1"] {
        let channel = try site.channel(identity)
        for probe in Self.probes {
          let isRefused = await probe.status(channel) == .permissionDenied
          #expect(isRefused == (identity.prefix { $0 != "/" } != probe.caller.rawValue), "\(identity) \(probe)")
        }
      }
    }
  }

  @Test("a night from its start to what the rankers serve")
  func wholeNight() async throws {
    try await Site.run { site in
      try await site.create("uk")
      let (admin, trainer) = (try site.channel("admin/cli"), try site.channel("trainer/node-1"))
      let ranker = try site.channel("ranker/a")
      var watch = try await site.watch(ranker)
      _ = try await watch.table()

      // The trainer waits before there is work.
      async let waiting = trainer.call(ControlService.leaseWork) { $0.wait_ms = 30_000 }
      _ = try await admin.call(ControlService.runNight) { $0.as_of_us = Desk.asOf.microseconds }
      let lease = try #require(try await waiting.lease)
      try Self.expectGrant(lease.grant, for: "trainer/node-1")
      try Self.expectGrant(
        try await trainer.call(ControlService.renewLease) { request in
          request.tenant = "uk"
          request.message(\.fence) { lease.token.fill($0) }
        }.grant, for: "trainer/node-1")

      let other = try site.channel("trainer/node-2")
      await expectRefusal(.permissionDenied, "held by trainer/node-1") {
        _ = try await other.call(ControlService.reportEvaluation) { Self.fill($0, lease) }
      }
      let orders = try await trainer.call(ControlService.reportEvaluation) { Self.fill($0, lease) }
      #expect(orders.verdict == .dataFloor)
      let bake = try #require(orders.list(\.n_bakes, \.bakes).first).bake
      await expectRefusal(.permissionDenied, "held by trainer/node-1") {
        _ = try await other.call(ControlService.completeWork) { Self.fill($0, lease, bake) }
      }
      let done = try await trainer.call(ControlService.completeWork) { Self.fill($0, lease, bake) }
      #expect(done.live_bake == bake)
      #expect(try await watch.next() == .route("uk", .on, bake: bake))

      _ = try await ranker.call(ControlService.reportServing) { request in
        request.list(\.n_facts, \.facts, of: [bake]) { fact, bake in
          fact.tenant = "uk"
          fact.state = .adopted
          fact.bake = bake
          fact.manifest_digest = digest(of: bake)
          fact.at_us = 1
        }
      }
      let journal = try await admin.call(ControlService.readJournal) { $0.tenant = "uk" }
      #expect(journal.decided?.bake == bake)
      #expect(journal.list(\.n_served, \.served).map(\.ranker) == ["ranker/a"])
      #expect(journal.list(\.n_served, \.served).map(\.bake) == [bake])
      #expect(
        journal.list(\.n_entries, \.entries).map { "\($0.actor) \($0.kind)" }.reversed() == [
          "admin/cli tenant.created", "trainer/node-1 work.leased", "control evaluation.judged",
          "trainer/node-1 work.completed", "ranker/a serving.reported",
        ])
    }
  }

  @Test("of many trainers that wait, each piece of work goes to one")
  func contention() async throws {
    let tenants = (0..<8).map { "t\($0)" }
    try await Site.run { site in
      for tenant in tenants { try await site.create(tenant) }
      let trainers = [try site.channel("trainer/node-1"), try site.channel("trainer/node-2")]
      let admin = try site.channel("admin/cli")
      let leased = try await withThrowingTaskGroup(of: String?.self) { group in
        for index in tenants.indices {
          let trainer = trainers[index % trainers.count]
          group.addTask { try await trainer.call(ControlService.leaseWork) { $0.wait_ms = 30_000 }.lease?.tenant }
        }
        _ = try await admin.call(ControlService.runNight) { $0.as_of_us = Desk.asOf.microseconds }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(leased.compactMap { $0 }.sorted() == tenants)
    }
  }

  @Test("a refusal names the field, the limit and the remedy")
  func violations() async throws {
    try await Site.run { site in
      let admin = try site.channel("admin/cli")
      let error = await #expect(throws: RPCError.self) {
        _ = try await admin.call(ControlService.createTenant) { request in
          request.id = "uk"
          request.horizon_days = 366
        }
      }
      #expect(error?.code == .invalidArgument)
      #expect(error?.violations.map(\.field) == ["horizon_days"])
      #expect(error?.violations.first?.reason == "goes from 1 to 365, it is 366")
      await expectRefusal(.notFound, "nightjar tenant list") {
        _ = try await admin.call(ControlService.getTenant) { $0.id = "nowhere" }
      }
      let trainer = try site.channel("trainer/node-1")
      await expectRefusal(.invalidArgument, "wait_ms") {
        _ = try await trainer.call(ControlService.leaseWork) { $0.wait_ms = 30_001 }
      }
    }
  }

  /// Signed by control's own certificate, for this trainer and snapshot, and still valid.
  private static func expectGrant(_ signed: View<Proto.SignedGrant>?, for trainer: String) throws {
    let signed = try #require(signed)
    let verifier = try SignatureVerifier(files: Certificates.files("control/a"))
    let signature = Signature(certificate: signed.certificate, signature: signed.signature)
    #expect(try verifier.verify(signed.grant, signature, role: .control).description == "control/a")
    let grant = try Encoded<Proto.Grant>(unchecked: signed.grant).decode()
    #expect(grant.tenant == "uk")
    #expect(grant.trainer == trainer)
    #expect(grant.watermark == 42)
    #expect(grant.as_of_us == Desk.asOf.microseconds)
    #expect(grant.expires_at_us > ControlClock.system.wall().microseconds)
  }

  private static func fill(_ report: Draft<Proto.ReportEvaluationRequest>, _ lease: View<Proto.Lease>) {
    report.tenant = lease.tenant
    report.message(\.fence) { lease.token.fill($0) }
    report.data_floor = true
  }

  private static func fill(
    _ completion: Draft<Proto.CompleteWorkRequest>, _ lease: View<Proto.Lease>, _ bake: String
  ) {
    completion.tenant = lease.tenant
    completion.message(\.fence) { lease.token.fill($0) }
    completion.list(\.n_bakes, \.bakes, of: [bake]) { published, bake in
      published.bake = bake
      published.manifest_digest = digest(of: bake)
    }
  }
}
