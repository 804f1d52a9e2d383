import Commerce
import GRDB
import Messages
import RPC
import Testing

@testable import Control

@Suite("Any order of events")
struct SimulationTests {
  private static let seedsAGroup = 25
  private static let steps = 80

  @Test(
    "trainers that crash, stall, repeat and come late, and restarts of control, break no promise", arguments: 0..<12)
  func anyOrder(group: Int) async throws {
    for seed in (group * Self.seedsAGroup)..<((group + 1) * Self.seedsAGroup) {
      var simulation = try await Simulation(seed: UInt64(seed))
      for _ in 0..<Self.steps { try await simulation.step() }
      try await simulation.drain()
    }
  }
}

/// Numbers that a seed repeats: SplitMix64 (Steele, Lea, Flood 2014).
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// Control amid trainers and people that do anything at any time, with a count kept of what must hold.
private struct Simulation {
  private static let tenants = ["at", "be", "uk"]
  private static let trainers = ["node-1", "node-2", "node-3"]

  /// A lease as its trainer remembers it, however long ago it ran out.
  private struct Held {
    let lease: View<Proto.Lease>
    let trainer: String
    var orders: Encoded<Proto.ReportEvaluationResponse>?
    var completion: Encoded<Proto.CompleteWorkResponse>?
  }

  private var desk: Desk
  private var random: SeededRandom
  private let seed: UInt64
  private var memory: [Held] = []
  private var fences: [Control.Fence] = []
  /// Models behind which a person went, by tenant.
  private var rolledBack: [String: Set<String>] = [:]

  init(seed: UInt64) async throws {
    self.seed = seed
    random = SeededRandom(seed)
    desk = try Desk()
    try await hurry()
    for tenant in Self.tenants { try await desk.create(tenant, needsApproval: tenant == "at") }
  }

  /// Nothing here loses power, so nothing has to be on disk.
  private func hurry() async throws {
    try await desk.core.database.queue.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA synchronous = OFF")
    }
  }

  mutating func step() async throws {
    let tenant = Self.tenants.randomElement(using: &random) ?? ""
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<10:
      let deadline = Bool.random(using: &random) ? .epoch : desk.time.wall + .seconds(90)
      await tolerate { try await desk.runNight(deadline: deadline) }
    case 10..<25: try await lease()
    case 25..<45: try await report()
    case 45..<65: try await complete()
    case 65..<71: try await renewOrFail()
    case 71..<82: try await pass(.seconds(Int.random(in: 1...40, using: &random)))
    case 82..<86: try await restart()
    case 86..<90:
      let mode = [Proto.Mode.on, .on, .frozen, .off].randomElement(using: &random) ?? .on
      try await desk.setMode(tenant, mode)
    case 90..<96: try await activate(tenant)
    case 96..<97: try await desk.release(tenant)
    case 97..<98: try await releaseQuarantine(tenant)
    case 98..<99:
      desk.ingest.set(tenant, content: "\(Int.random(in: 0..<2, using: &random))")
      desk.ingest.set(tenant, events: Int64.random(in: 0..<1_000, using: &random))
    default: desk.ingest.isDown(Bool.random(using: &random))
    }
    try await check()
  }

  /// Lets a well-behaved trainer finish what there is; then every night must be over.
  mutating func drain() async throws {
    desk.ingest.isDown(false)
    try await pass(Desk.leaseTime)
    try await pass(Desk.leaseTime)
    while try await openWork() > 0 {
      guard let lease = try await desk.lease() else {
        try await pass(Desk.leaseTime)
        continue
      }
      do {
        try await desk.complete(lease, desk.report(lease, figures()))
      } catch let error as RPCError where error.code == .failedPrecondition {
        try await desk.fail(lease)
      }
    }
    try await check()
    let unfinished = try await desk.core.read { db in
      try Int.fetchOne(db, sql: "SELECT count(*) FROM nights WHERE finished_at IS NULL")
    }
    #expect(unfinished == 0, "seed \(seed)")
    try await restart()
  }

  private func openWork() async throws -> Int {
    try await desk.core.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM work WHERE state IN (1, 2)") ?? 0 }
  }

  private mutating func pass(_ time: Duration) async throws {
    desk.time.advance(time)
    try await desk.core.expireLeases()
    try await desk.core.closeMissed()
  }

  private func releaseQuarantine(_ tenant: String) async throws {
    let request = try Desk.request(Proto.ReleaseQuarantineRequest.self) { $0.tenant = tenant }
    _ = try await desk.core.releaseQuarantine(request, by: Desk.caller(Desk.admin))
  }

  private mutating func restart() async throws {
    let epoch = desk.core.database.epoch
    try desk.restart()
    try await hurry()
    try await desk.core.expireLeases()
    #expect(desk.core.database.epoch > epoch, "seed \(seed)")
  }

  private mutating func lease() async throws {
    let trainer = Self.trainers.randomElement(using: &random) ?? ""
    guard let lease = try await desk.lease(by: trainer) else { return }
    if let last = fences.last {
      #expect(
        (last.epoch, last.number) < (lease.token.epoch, lease.token.number), "seed \(seed): fences do not grow")
    }
    fences.append(lease.token)
    // Some trainers die as soon as they have the work, or never hear of it.
    if Int.random(in: 0..<10, using: &random) > 0 { memory.append(Held(lease: lease, trainer: trainer)) }
  }

  private mutating func figures() -> [String: Double] {
    var figures: [String: Double] = [:]
    for candidate in ["champion", "als", "popularity"] where Int.random(in: 0..<12, using: &random) > 0 {
      figures[candidate] = Double(Int.random(in: 30...40, using: &random)) / 100
    }
    return figures
  }

  private mutating func report() async throws {
    guard let index = memory.indices.randomElement(using: &random) else { return }
    let held = memory[index]
    let isPresent = try await isPresent(held.lease)
    guard
      let answer = await tolerate({ [figures = figures()] in
        try await desk.report(held.lease, figures, by: held.trainer)
      })
    else { return }
    #expect(isPresent, "seed \(seed): a late report was accepted")
    if let before = held.orders { #expect(answer == before, "seed \(seed): a repeated report was judged anew") }
    // An answer that is lost is asked for again.
    if Bool.random(using: &random) { memory[index].orders = answer }
  }

  private mutating func complete() async throws {
    guard let index = memory.indices.randomElement(using: &random), let orders = memory[index].orders else { return }
    let held = memory[index]
    let tenant = held.lease.tenant
    let isPresent = try await isPresent(held.lease)
    let before = try await desk.tenant(tenant)
    guard let answer = await tolerate({ try await desk.complete(held.lease, orders, by: held.trainer) }) else { return }
    #expect(isPresent, "seed \(seed): a late completion was accepted")
    let after = try await desk.tenant(tenant)
    if let completion = held.completion {
      #expect(answer == completion, "seed \(seed): a repeated completion was answered anew")
      #expect(after.generation == before.generation, "seed \(seed): a repeated completion decided something")
    }
    if before.mode == .frozen || before.hold != .none {
      #expect(after.live?.model == before.live?.model, "seed \(seed): a night overruled a person")
    }
    if let model = after.live?.model, model != before.live?.model {
      #expect(rolledBack[tenant]?.contains(model) != true, "seed \(seed): \(model) came back by itself")
    }
    memory[index].completion = answer
  }

  private mutating func renewOrFail() async throws {
    guard let held = memory.randomElement(using: &random) else { return }
    let isPresent = try await isPresent(held.lease)
    let isRenewal = Bool.random(using: &random)
    let kind =
      [Proto.FailureKind.work, .work, .surroundings, .givenBack, .tooLarge].randomElement(using: &random) ?? .work
    let before = try await attempts(held.lease)
    let isHeard = await tolerate {
      if isRenewal {
        try await desk.renew(held.lease, by: held.trainer)
      } else {
        try await desk.fail(held.lease, kind, memory: 8 << 30, by: held.trainer)
      }
      return true
    }
    guard isHeard == true else { return }
    #expect(isPresent, "seed \(seed): a late trainer was heard")
    if !isRenewal, kind != .work {
      #expect(try await attempts(held.lease) == before - 1, "seed \(seed): work given back was counted")
    }
  }

  private mutating func activate(_ tenant: String) async throws {
    let versions = try await desk.versions(tenant).list(\.n_versions, \.versions)
    guard let target = versions.filter({ $0.state != .removed }).randomElement(using: &random) else { return }
    let left = try await desk.tenant(tenant).live
    let hold = [Proto.Hold.untilReleased, .untilNextNight].randomElement(using: &random) ?? .untilReleased
    try await desk.activate(tenant, target.bake, hold: hold)
    rolledBack[tenant, default: []].remove(target.model)
    if let left, left.model != target.model,
      let back = versions.lastIndex(where: { $0.model == target.model }),
      let front = versions.lastIndex(where: { $0.model == left.model }), back > front
    {
      rolledBack[tenant, default: []].insert(left.model)
    }
  }

  private func attempts(_ lease: View<Proto.Lease>) async throws -> Int64 {
    try await desk.core.read { db in try WorkRow.get(night: Int64(lease.night), tenant: lease.tenant, db)?.attempts ?? 0
    }
  }

  /// Whether the lease's fence is the latest of its work, and the work not given back since.
  private func isPresent(_ lease: View<Proto.Lease>) async throws -> Bool {
    try await desk.core.read { db in
      let work = try WorkRow.get(night: Int64(lease.night), tenant: lease.tenant, db)
      return work?.fence == lease.token && (work?.state == .leased || work?.state == .done)
    }
  }

  /// What must hold after every step.
  private func check() async throws {
    let broken = try await desk.core.read { db in
      try String.fetchAll(
        db,
        sql: """
          SELECT id FROM tenants AS t
          WHERE t.live_bake IS NOT (SELECT group_concat(bake) FROM versions WHERE tenant = t.id AND state = 1)
          OR (SELECT bake FROM decisions WHERE tenant = t.id ORDER BY entry DESC LIMIT 1) IS NOT t.live_bake
          OR (SELECT mode FROM decisions WHERE tenant = t.id ORDER BY entry DESC LIMIT 1) IS NOT t.mode
          """)
    }
    #expect(broken.isEmpty, "seed \(seed): other versions are live than the tenant and the decisions say")
    let odd = try await desk.core.read { db in
      try String.fetchAll(
        db,
        sql: """
          SELECT tenant || '/' || night FROM work WHERE (state IN (1, 2)) <> (closed_at IS NULL) OR attempts > 3
          OR attempts < 0 OR state IN (1, 2) AND tenant IN (SELECT tenant FROM track WHERE quarantined_at IS NOT NULL)
          """)
    }
    #expect(odd.isEmpty, "seed \(seed): work is open and closed at once, tried too often, or of a tenant in quarantine")
  }

  /// The answer, or nil where control refuses what this caller may not have known.
  @discardableResult
  private func tolerate<T>(_ body: () async throws -> T) async -> T? {
    do {
      return try await body()
    } catch let error as RPCError where error.code == .failedPrecondition {
      return nil
    } catch {
      Issue.record("seed \(seed): \(error)")
      return nil
    }
  }
}
