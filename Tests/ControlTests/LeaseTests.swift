import Commerce
import Messages
import RPC
import Testing

@testable import Control

@Suite("Leases")
struct LeaseTests {
  /// A desk with one tenant whose night has begun.
  private func desk(_ tenants: [String] = ["uk"]) async throws -> Desk {
    let desk = try Desk()
    for tenant in tenants { try await desk.create(tenant, horizonDays: 14) }
    try await desk.runNight()
    return desk
  }

  private func expire(_ desk: Desk) async throws {
    desk.time.advance(Desk.leaseTime)
    try await desk.core.expireLeases()
    desk.passPause()
  }

  @Test("a lease names the snapshot, the trainer's time and a signed grant")
  func lease() async throws {
    let desk = try await desk()
    desk.ingest.set("uk", sequence: 541_909)
    let lease = try #require(try await desk.lease())
    #expect(lease.tenant == "uk")
    #expect(lease.kind == .train)
    #expect(lease.as_of_us == Desk.asOf.microseconds)
    #expect(lease.watermark == 541_909)
    #expect(lease.ttl_ms == 30_000)
    #expect(lease.horizon_days == 14)
    #expect(lease.champion == nil)
    let signed = try #require(lease.grant)
    #expect(signed.signature == signed.grant)
    let grant = try Encoded<Proto.Grant>(unchecked: signed.grant).decode()
    #expect(grant.tenant == "uk")
    #expect(grant.as_of_us == Desk.asOf.microseconds)
    #expect(grant.watermark == 541_909)
    #expect(grant.trainer == "trainer/node-1")
    #expect(grant.expires_at_us > (desk.time.wall + Desk.leaseTime).microseconds)
    #expect(try await desk.lease(by: "node-2") == nil)
  }

  @Test("a renewed lease lives on, a silent one does not")
  func renewal() async throws {
    let desk = try await desk()
    let lease = try #require(try await desk.lease())
    for _ in 0..<5 {
      desk.time.advance(.seconds(20))
      try await desk.core.expireLeases()
      let renewed = try await desk.renew(lease)
      let grant = try Encoded<Proto.Grant>(unchecked: #require(renewed.grant).grant).decode()
      #expect(grant.expires_at_us > (desk.time.wall + Desk.leaseTime).microseconds)
    }
    try await expire(desk)
    await expectRefusal(.failedPrecondition, "the lease ran out") { try await desk.renew(lease) }
    #expect(try await desk.work("uk").state == .waiting)
    #expect(try await desk.work("uk").failure == "trainer/node-1 was silent past its lease")
  }

  @Test("the next attempt works on the same snapshot under a higher fence, and shuts the first one out")
  func fencing() async throws {
    let desk = try await desk()
    desk.ingest.set("uk", sequence: 100)
    let first = try #require(try await desk.lease())
    let orders = try await desk.report(first)
    try await expire(desk)
    desk.ingest.set("uk", sequence: 200)
    let second = try #require(try await desk.lease(by: "node-2"))
    #expect(second.watermark == 100)
    #expect(second.seed == first.seed)
    #expect(second.token.epoch == first.token.epoch && second.token.number > first.token.number)

    for late in 0..<2 {
      await expectRefusal(.failedPrecondition, "not the present one") { try await desk.renew(first) }
      await expectRefusal(.failedPrecondition) { try await desk.report(first) }
      await expectRefusal(.failedPrecondition) { try await desk.complete(first, orders) }
      await expectRefusal(.failedPrecondition) { try await desk.fail(first) }
      if late == 0 { try await desk.complete(second, desk.report(second, by: "node-2"), by: "node-2") }
    }
    #expect(try await desk.work("uk").state == .done)
    #expect(try await desk.work("uk").attempts == 2)
    #expect(try await desk.versions("uk").list(\.n_versions, \.versions).count == 1)
  }

  @Test("a tenant that ingest cannot read now keeps no other tenant waiting")
  func oneTenantUnanswered() async throws {
    let desk = try await desk(["a", "b", "c"])
    desk.ingest.fail("a", .unavailable)
    var leased: [String] = []
    for _ in 0..<3 { if let lease = try await desk.lease() { leased.append(lease.tenant) } }
    #expect(leased == ["b", "c"])
    #expect(try await desk.work("a").state == .waiting)
    desk.ingest.fail("a", nil)
    #expect(try await desk.lease()?.tenant == "a")
  }

  @Test("a tenant whose data ingest has lost fails by itself, and the next night can begin")
  func oneTenantDamaged() async throws {
    let desk = try await desk(["a", "b"])
    desk.ingest.fail("a", .dataLoss)
    let lease = try #require(try await desk.lease())
    #expect(lease.tenant == "b")
    try await desk.complete(lease, desk.report(lease))
    for _ in 0..<3 {
      desk.passPause()
      #expect(try await desk.lease() == nil)
    }
    let work = try await desk.work("a")
    #expect(work.state == .failed && work.attempts == 3 && work.failure == "ingest: no figures of a")
    #expect(try await desk.night().finished_at_us > 0)
    try await desk.runNight()
  }

  @Test("what the first attempt reported is void in the second")
  func voidReport() async throws {
    let desk = try await desk()
    let first = try #require(try await desk.lease())
    let before = try await desk.report(first)
    try await expire(desk)
    let second = try #require(try await desk.lease())
    await expectRefusal(.failedPrecondition, "ReportEvaluation comes before CompleteWork") {
      try await desk.complete(second, before)
    }
    let after = try await desk.report(second, ["als": 0.4, "popularity": 0.39]).decode()
    #expect(after.list(\.n_bakes, \.bakes).map(\.candidate) == ["popularity"])
    // No name is given twice, not even one that nothing was published under.
    let names = try before.decode().list(\.n_bakes, \.bakes).map(\.bake) + after.list(\.n_bakes, \.bakes).map(\.bake)
    #expect(Set(names).count == names.count)
  }

  @Test("a lease serves nobody but its trainer")
  func wrongTrainer() async throws {
    let desk = try await desk()
    let lease = try #require(try await desk.lease())
    let orders = try await desk.report(lease)
    await expectRefusal(.permissionDenied, "held by trainer/node-1") { try await desk.renew(lease, by: "node-2") }
    await expectRefusal(.permissionDenied) { try await desk.report(lease, by: "node-2") }
    await expectRefusal(.permissionDenied) { try await desk.complete(lease, orders, by: "node-2") }
    await expectRefusal(.permissionDenied) { try await desk.fail(lease, by: "node-2") }
    try await desk.complete(lease, orders)
    await expectRefusal(.permissionDenied) { try await desk.complete(lease, orders, by: "node-2") }
  }

  @Test("a repeated report or completion gets the same bytes, and decides nothing anew")
  func idempotence() async throws {
    let desk = try await desk()
    let lease = try #require(try await desk.lease())
    let orders = try await desk.report(lease)
    #expect(try await desk.report(lease) == orders)
    #expect(try await desk.report(lease, ["als": 0.9, "popularity": 0.1]) == orders)
    let completion = try await desk.complete(lease, orders)
    let generation = try await desk.tenant("uk").generation
    #expect(try await desk.complete(lease, orders) == completion)
    #expect(try await desk.report(lease) == orders)
    #expect(try await desk.tenant("uk").generation == generation)
    #expect(
      try await desk.kinds("uk") == ["tenant.created", "work.leased", "evaluation.judged", "work.completed"])

    // Also long after, when another version is live.
    let next = try await desk.wholeNight("uk", ["champion": 0.4, "als": 0.3, "popularity": 0.5])
    #expect(try await desk.complete(lease, orders) == completion)
    #expect(try await desk.tenant("uk").live?.bake == next)
  }

  @Test("work that is done takes no renewal and no failure")
  func afterCompletion() async throws {
    let desk = try await desk()
    let lease = try #require(try await desk.lease())
    try await desk.complete(lease, desk.report(lease))
    await expectRefusal(.failedPrecondition, "complete") { try await desk.renew(lease) }
    await expectRefusal(.failedPrecondition, "complete") { try await desk.fail(lease) }
    try await expire(desk)
    #expect(try await desk.work("uk").state == .done)
  }

  @Test("three attempts come to nothing, then the night gives up and yesterday's version stays")
  func attempts() async throws {
    let desk = try Desk()
    try await desk.create("uk")
    let live = try await desk.wholeNight("uk")
    let night = try await desk.runNight()
    for attempt in 1...3 {
      let lease = try #require(try await desk.lease())
      try await desk.report(lease, ["champion": 0.4, "als": 0.3, "popularity": 0.5])
      if attempt == 2 { try await expire(desk) } else { try await desk.fail(lease, because: "no memory") }
      desk.passPause()
    }
    #expect(try await desk.lease() == nil)
    let work = try await desk.work("uk")
    #expect(work.state == .failed)
    #expect(work.attempts == 3)
    #expect(work.failure == "no memory")
    #expect(try await desk.night(night.id).finished_at_us > 0)
    #expect(try await desk.tenant("uk").live?.bake == live)
    #expect(try await desk.kinds("uk").suffix(2) == ["work.failed", "tenant.quarantined"])
    try await desk.runNight()
  }

  @Test("exactly what was ordered has to be published")
  func published() async throws {
    let desk = try await desk()
    let lease = try #require(try await desk.lease())
    let orders = try await desk.report(lease)
    let bake = try orders.decode().list(\.n_bakes, \.bakes)[0].bake
    for wrong in [["other"], [bake, "other"], [bake, bake]] {
      await expectRefusal(.invalidArgument, "are not the ones ordered") { try await desk.complete(lease, bakes: wrong) }
    }
    await expectRefusal(.invalidArgument, "bakes: takes 1 to 4") { try await desk.complete(lease, bakes: []) }
    let request = try Desk.request(Proto.CompleteWorkRequest.self) { draft in
      draft.tenant = "uk"
      draft.message(\.fence) { lease.token.fill($0) }
      draft.list(\.n_bakes, \.bakes, of: [bake]) { published, bake in
        published.bake = bake
        published.manifest_digest = String(repeating: "A", count: 64)
      }
    }
    await expectRefusal(.invalidArgument, "64 lowercase hex digits") {
      _ = try await desk.core.completeWork(request, for: Desk.trainer("node-1"))
    }
    #expect(try await desk.tenant("uk").live == nil)
    try await desk.complete(lease, orders)
  }

  @Test("a fence that was never given is refused", arguments: [(0, 0), (0, 1), (UInt64.max, UInt64.max)])
  func unknownFence(epoch: UInt64, number: UInt64) async throws {
    let desk = try await desk()
    _ = try await desk.lease()
    let request = try Desk.request(Proto.RenewLeaseRequest.self) { draft in
      draft.tenant = "uk"
      draft.message(\.fence) { Control.Fence(epoch: epoch, number: number).fill($0) }
    }
    await expectRefusal(number == 0 ? .invalidArgument : .failedPrecondition, "fence") {
      _ = try await desk.core.renewLease(request, for: Desk.trainer("node-1"))
    }
    await expectRefusal(.invalidArgument, "fence: is missing") {
      _ = try await desk.core.renewLease(
        Desk.request(Proto.RenewLeaseRequest.self) { $0.tenant = "uk" }, for: Desk.trainer("node-1"))
    }
  }

  @Test("while ingest is down nothing is leased and nothing is lost")
  func ingestDown() async throws {
    let desk = try await desk(["at", "be"])
    desk.ingest.isDown(true)
    #expect(try await desk.lease() == nil)
    #expect(try await desk.work("at").state == .waiting)
    #expect(try await desk.work("at").attempts == 0)
    desk.ingest.isDown(false)
    let leased = [try await desk.lease()?.tenant, try await desk.lease()?.tenant]
    #expect(Set(leased) == ["at", "be"])
  }

  @Test("one tenant that ingest cannot read does not hold up the others")
  func oneTenantDown() async throws {
    let desk = try await desk(["at", "be"])
    desk.ingest.set("at", sequence: .max)
    #expect(try await desk.lease()?.tenant == "be")
    #expect(try await desk.work("at").state == .waiting)
  }

  @Test("a trainer that outlives control completes its work")
  func restart() async throws {
    var desk = try await desk()
    let lease = try #require(try await desk.lease())
    desk.time.advance(.seconds(29))
    try desk.restart()
    try await desk.core.expireLeases()
    // A new process gives the lease its whole time again.
    desk.time.advance(.seconds(29))
    try await desk.core.expireLeases()
    try await desk.renew(lease)
    let orders = try await desk.report(lease)
    try desk.restart()
    #expect(try await desk.report(lease) == orders)
    let completion = try await desk.complete(lease, orders)
    try desk.restart()
    #expect(try await desk.complete(lease, orders) == completion)
    #expect(try await desk.work("uk").attempts == 1)
  }

  @Test("a trainer that dies with control is fenced out by the next lease")
  func restartAndExpiry() async throws {
    var desk = try await desk()
    let lease = try #require(try await desk.lease())
    try desk.restart()
    try await desk.core.expireLeases()
    try await expire(desk)
    let next = try #require(try await desk.lease(by: "node-2"))
    #expect(next.token.epoch > lease.token.epoch)
    await expectRefusal(.failedPrecondition) { try await desk.report(lease) }
    try await desk.complete(next, desk.report(next, by: "node-2"), by: "node-2")
  }

  @Test("a tenant turned off before its turn is left alone")
  func turnedOff() async throws {
    let desk = try await desk()
    try await desk.setMode("uk", .off)
    #expect(try await desk.lease() == nil)
    #expect(try await desk.work("uk").state == .failed)
    #expect(try await desk.work("uk").failure == "the tenant was turned off")
    #expect(try await desk.night().finished_at_us > 0)
  }

  @Test("a tenant frozen before its turn has its live model baked anew, or nothing")
  func frozenBeforeLease() async throws {
    let desk = try Desk()
    try await desk.create("at")
    try await desk.create("be")
    let live = try await desk.wholeNight("at")
    try await desk.runNight()
    try await desk.setMode("at", .frozen)
    try await desk.setMode("be", .frozen)
    let lease = try #require(try await desk.lease())
    #expect(lease.tenant == "at")
    #expect(lease.kind == .rebake)
    #expect(lease.champion?.bake == live)
    #expect(try await desk.lease() == nil)
    #expect(try await desk.work("be").failure == "the tenant is frozen and nothing is live")
    let orders = try await desk.report(lease, [:], judged: 0)
    #expect(try orders.decode().verdict == .rebake)
    let next = try await desk.complete(lease, orders).decode().live_bake
    #expect(next != live)
    #expect(try await desk.tenant("at").live?.model == lease.champion?.model)
  }
}
