import Commerce
import Messages
import RPC
import Testing

@testable import Control

@Suite("Versions")
struct VersionTests {
  private static let challengerWins = ["champion": 0.40, "als": 0.30, "popularity": 0.50]
  private static let championWins = ["champion": 0.30, "als": 0.40, "popularity": 0.50]

  /// A desk whose tenant has had nights in which every challenger won; returns what was live after each.
  private func desk(nights: Int, needsApproval: Bool = false) async throws -> (Desk, [String]) {
    let desk = try Desk()
    try await desk.create("uk", needsApproval: needsApproval)
    var live: [String] = []
    for night in 0..<nights {
      live.append(
        try await desk.wholeNight("uk", night == 0 ? ["als": 0.3, "popularity": 0.4] : Self.challengerWins))
    }
    return (desk, live)
  }

  @Test("every night bakes the live model anew, also when the challenger lost")
  func rebake() async throws {
    let (desk, live) = try await desk(nights: 1)
    let model = try await desk.tenant("uk").live?.model
    let next = try await desk.wholeNight("uk", Self.championWins)
    #expect(next != live[0])
    let version = try #require(try await desk.tenant("uk").live)
    #expect(version.model == model)
    #expect(version.recipe == "als")
    #expect(version.manifest_digest == digest(of: next))
    #expect(try await desk.state(live[0], of: "uk") == .retired)
    #expect(try await desk.state(next, of: "uk") == .live)
    #expect(try await desk.work("uk").evaluation?.verdict == .reject)
  }

  @Test("versions are listed newest first, a page at a time")
  func paging() async throws {
    let (desk, live) = try await desk(nights: 5)
    var seen: [String] = []
    var token = ""
    repeat {
      let page = try await desk.versions("uk", size: 2, token: token)
      seen += page.list(\.n_versions, \.versions).map(\.bake)
      token = page.next_page_token
    } while !token.isEmpty && seen.count <= 5
    #expect(seen == live.reversed())
    for token in ["x", "0", "-1", "99999999999999999999"] {
      await expectRefusal(.invalidArgument, "page_token") { _ = try await desk.versions("uk", token: token) }
    }
  }

  @Test("the newest versions can be live again, and the live one however old; trainers are told which to keep")
  func removal() async throws {
    let desk = try Desk()
    try await desk.create("uk", needsApproval: true)
    let old = try await desk.wholeNight("uk")
    try await desk.activate("uk", old, hold: .untilReleased)
    // Each night bakes the live model anew, and a person goes back to the first bake.
    for _ in 0..<VersionRow.kept {
      try await desk.wholeNight("uk", Self.championWins)
      try await desk.activate("uk", old, hold: .untilReleased)
    }
    let versions = try await desk.versions("uk", size: 1_000).list(\.n_versions, \.versions)
    #expect(versions.count == Int(VersionRow.kept) + 2)
    try await desk.runNight(["uk"])
    let lease = try #require(try await desk.lease())
    let kept = lease.strings(\.n_kept_digests, \.kept_digests)
    #expect(Set(kept) == Set((versions.prefix(Int(VersionRow.kept)).map(\.bake) + [old]).map { digest(of: $0) }))
    #expect(kept.count == Int(VersionRow.kept) + 1)
    let removed = try #require(versions.last { $0.bake != old }).bake
    await expectRefusal(.failedPrecondition, "version '\(removed)' is removed from the store") {
      try await desk.activate("uk", removed)
    }
    let entries = try await desk.journal("uk").list(\.n_entries, \.entries).filter { $0.kind == "versions.removed" }
    #expect(entries.map(\.detail) == [#"{"bakes":"\#(removed)"}"#])
    try await desk.complete(lease, desk.report(lease, Self.championWins))
    // Going back behind a model brings none of its versions back that are gone.
    let state = try await desk.core.database.queue.write { db in
      try VersionRow.rollBack(modelOf: VersionRow.get(removed, of: "uk", db), db)
      return try VersionRow.get(removed, of: "uk", db).state
    }
    #expect(state == .removed)
  }

  @Test("a promotion that needs approval waits for a person, and goes on waiting")
  func approval() async throws {
    let desk = try Desk()
    try await desk.create("uk", needsApproval: true)
    try await desk.runNight()
    let lease = try #require(try await desk.lease())
    let orders = try await desk.report(lease)
    let bakes = try orders.decode().list(\.n_bakes, \.bakes)
    #expect(try orders.decode().verdict == .hold)
    #expect(bakes.map(\.candidate) == ["popularity", "als"])
    #expect(try await desk.complete(lease, orders).decode().live_bake == bakes[0].bake)
    #expect(try await desk.state(bakes[1].bake, of: "uk") == .held)

    // The night after, popularity is baked anew; the one that waits is still the newer model.
    try await desk.wholeNight("uk", Self.championWins)
    let left = try #require(try await desk.tenant("uk").live)
    #expect(left.model == bakes[0].model)
    try await desk.activate("uk", bakes[1].bake, hold: .untilNextNight)
    #expect(try await desk.tenant("uk").live?.model == bakes[1].model)
    #expect(try await desk.state(left.bake, of: "uk") == .retired)
  }

  @Test("an activation compares the generation and names what it does")
  func activation() async throws {
    let (desk, live) = try await desk(nights: 2)
    let generation = try await desk.tenant("uk").generation
    await expectRefusal(.aborted, "at generation \(generation), not \(generation - 1)") {
      try await desk.activate("uk", live[0], expected: generation - 1)
    }
    await expectRefusal(.invalidArgument, "expected_generation: is missing") {
      try await desk.activate("uk", live[0], expected: 0)
    }
    await expectRefusal(.invalidArgument, "hold") { try await desk.activate("uk", live[0], hold: .none) }
    await expectRefusal(.invalidArgument, "hold") {
      try await desk.activate("uk", live[0], hold: Proto.Hold(rawValue: 3))
    }
    await expectRefusal(.notFound, "has no version 'als-9.9'") { try await desk.activate("uk", "als-9.9") }
    await expectRefusal(.invalidArgument, "bake") { try await desk.activate("uk", "") }
    #expect(try await desk.tenant("uk").live?.bake == live[1])
    #expect(try await desk.tenant("uk").generation == generation)

    let tenant = try await desk.activate("uk", live[0], reason: "complaints")
    #expect(tenant.live?.bake == live[0])
    #expect(tenant.generation == generation + 1)
    let entry = try await desk.journal("uk").list(\.n_entries, \.entries)[0]
    #expect(entry.kind == "version.activated")
    #expect(entry.actor == "admin/cli")
    #expect(entry.reason == "complaints")
    #expect(entry.detail.contains(#""instead_of":"\#(live[1])""#))
  }

  @Test("going back sets the model that was left aside, and no night brings it back")
  func rollback() async throws {
    let (desk, live) = try await desk(nights: 3)
    let bad = try #require(try await desk.tenant("uk").live)
    try await desk.wholeNight("uk", Self.championWins)
    let rebaked = try #require(try await desk.tenant("uk").live)
    #expect(rebaked.model == bad.model)
    try await desk.activate("uk", live[0], hold: .untilNextNight)
    #expect(try await desk.state(bad.bake, of: "uk") == .rolledBack)
    #expect(try await desk.state(rebaked.bake, of: "uk") == .rolledBack)
    #expect(try await desk.state(live[1], of: "uk") == .retired)
    #expect(try await desk.state(live[0], of: "uk") == .live)
    let fresh = try await desk.wholeNight("uk", Self.championWins)
    for rmse in [Self.championWins, Self.challengerWins, Self.championWins] {
      try await desk.wholeNight("uk", rmse)
      #expect(try await desk.tenant("uk").live?.model != bad.model)
      #expect(try await desk.state(rebaked.bake, of: "uk") == .rolledBack)
    }
    // By a person's hand it does.
    try await desk.activate("uk", rebaked.bake)
    #expect(try await desk.tenant("uk").live?.bake == rebaked.bake)
    try await desk.wholeNight("uk", [:])
    #expect(try await desk.tenant("uk").live?.model == bad.model)
    // Older is the model that came first, however fresh its bake.
    try await desk.activate("uk", fresh)
    #expect(try await desk.state(rebaked.bake, of: "uk") == .rolledBack)
  }

  @Test("an older bake of the same model sets nothing aside")
  func olderBake() async throws {
    let (desk, live) = try await desk(nights: 1)
    let next = try await desk.wholeNight("uk", Self.championWins)
    try await desk.activate("uk", live[0])
    #expect(try await desk.state(next, of: "uk") == .retired)
  }

  @Test("a version held until released is baked anew and not challenged, until it is released")
  func heldUntilReleased() async throws {
    let (desk, live) = try await desk(nights: 2)
    try await desk.activate("uk", live[0])
    let model = try await desk.tenant("uk").live?.model
    for _ in 0..<2 {
      try await desk.runNight()
      let lease = try #require(try await desk.lease())
      #expect(lease.kind == .rebake)
      try await desk.complete(lease, desk.report(lease, Self.challengerWins))
      #expect(try await desk.tenant("uk").live?.model == model)
      #expect(try await desk.tenant("uk").hold == .untilReleased)
    }
    let generation = try await desk.tenant("uk").generation
    await expectRefusal(.aborted) { try await desk.release("uk", expected: generation - 1) }
    #expect(try await desk.release("uk", expected: generation).hold == .none)
    #expect(try await desk.release("uk").generation == generation + 1)
    try await desk.wholeNight("uk", Self.challengerWins)
    #expect(try await desk.tenant("uk").live?.model != model)
  }

  @Test("a version held until the next night is challenged in it")
  func heldUntilNextNight() async throws {
    let (desk, live) = try await desk(nights: 2)
    try await desk.activate("uk", live[0], hold: .untilNextNight)
    try await desk.runNight()
    #expect(try await desk.tenant("uk").hold == .none)
    let lease = try #require(try await desk.lease())
    #expect(lease.kind == .train)
    #expect(lease.champion?.bake == live[0])
    #expect(try await desk.kinds("uk").contains("hold.released"))
  }

  /// When a person activates during a night.
  enum Moment: CaseIterable, Sendable { case beforeLease, beforeReport, beforeCompletion, released, afterExpiry }

  @Test(
    "a person's activation during the night is not overruled", arguments: Moment.allCases,
    [Proto.Hold.untilNextNight, .untilReleased])
  func activationDuringTheNight(moment: Moment, hold: Proto.Hold) async throws {
    let (desk, live) = try await desk(nights: 2)
    let left = try #require(try await desk.tenant("uk").live)
    try await desk.runNight()
    if moment == .beforeLease { try await desk.activate("uk", live[0], hold: hold) }
    var lease = try #require(try await desk.lease())
    if moment == .afterExpiry {
      try await desk.activate("uk", live[0], hold: hold)
      try await desk.fail(lease)
      desk.passPause()
      lease = try #require(try await desk.lease())
    }
    if moment == .beforeReport || moment == .released { try await desk.activate("uk", live[0], hold: hold) }
    if moment == .released { try await desk.release("uk") }
    let orders = try await desk.report(lease, Self.challengerWins)
    if moment == .beforeCompletion { try await desk.activate("uk", live[0], hold: hold) }
    let answer = try await desk.complete(lease, orders).decode()

    let tenant = try await desk.tenant("uk")
    let now = try #require(tenant.live)
    #expect(answer.live_bake == now.bake)
    let version = try #require(
      try await desk.versions("uk").list(\.n_versions, \.versions).first { $0.bake == live[0] })
    #expect(now.model == version.model)
    #expect(try await desk.state(left.bake, of: "uk") == .rolledBack)
    switch moment {
    case .beforeLease, .afterExpiry:
      // The trainer was given what the person chose, so its lists are as fresh as everybody's.
      #expect(lease.kind == .rebake)
      #expect(now.bake != live[0])
      #expect(try await desk.work("uk").activated_bake == now.bake)
    case .beforeReport, .beforeCompletion, .released:
      #expect(now.bake == live[0])
      #expect(try await desk.work("uk").activated_bake.isEmpty)
      for order in try orders.decode().list(\.n_bakes, \.bakes) {
        let isLeft = order.model == left.model
        #expect(try await desk.state(order.bake, of: "uk") == (isLeft ? .rolledBack : .held))
      }
    }
  }

  @Test("the champion of a report is the one that the lease named, whatever was activated since")
  func pinnedChampion() async throws {
    let (desk, live) = try await desk(nights: 2)
    let left = try #require(try await desk.tenant("uk").live)
    try await desk.runNight()
    let lease = try #require(try await desk.lease())
    try await desk.activate("uk", live[0])
    let order = try await desk.report(lease, Self.championWins).decode().list(\.n_bakes, \.bakes)[0]
    #expect(order.candidate == "champion")
    #expect(order.model == left.model)
  }

  @Test("a tenant frozen during the night keeps its model", arguments: [false, true])
  func frozenDuringTheNight(isJudged: Bool) async throws {
    let (desk, _) = try await desk(nights: 1)
    let model = try await desk.tenant("uk").live?.model
    try await desk.runNight()
    let lease = try #require(try await desk.lease())
    if !isJudged { try await desk.setMode("uk", .frozen) }
    let orders = try await desk.report(lease, Self.challengerWins)
    if isJudged { try await desk.setMode("uk", .frozen) }
    #expect(try orders.decode().verdict == (isJudged ? .promote : .rebake))
    try await desk.complete(lease, orders)
    #expect(try await desk.tenant("uk").live?.model == model)
    #expect(try await desk.work("uk").activated_bake.isEmpty == isJudged)
  }

  @Test("a tenant frozen during its first night gets nothing, and its work ends")
  func frozenDuringTheFirstNight() async throws {
    let desk = try Desk()
    try await desk.create("uk")
    try await desk.runNight()
    let lease = try #require(try await desk.lease())
    try await desk.setMode("uk", .frozen)
    await expectRefusal(.failedPrecondition, "nothing is live") { try await desk.report(lease) }
    try await desk.fail(lease, because: "nothing to bake")
    desk.passPause()
    #expect(try await desk.lease() == nil)
    #expect(try await desk.work("uk").state == .failed)
  }

  @Test("a tenant turned off during the night is given its lists for later, and stays off")
  func offDuringTheNight() async throws {
    let (desk, live) = try await desk(nights: 1)
    try await desk.runNight()
    let lease = try #require(try await desk.lease())
    try await desk.setMode("uk", .off)
    try await desk.complete(lease, desk.report(lease, Self.championWins))
    let tenant = try await desk.tenant("uk")
    #expect(tenant.mode == .off)
    #expect(tenant.live?.bake != live[0])
  }

  @Test("a live model that cannot be baked anew keeps yesterday's lists when frozen")
  func championProblem() async throws {
    let (desk, live) = try await desk(nights: 1)
    try await desk.setMode("uk", .frozen)
    try await desk.runNight()
    for _ in 0..<3 {
      let lease = try #require(try await desk.lease())
      await expectRefusal(.failedPrecondition, "its model file is damaged") {
        try await desk.report(lease, [:], championProblem: "its model file is damaged")
      }
      try await desk.fail(lease)
      desk.passPause()
    }
    #expect(try await desk.work("uk").state == .failed)
    #expect(try await desk.tenant("uk").live?.bake == live[0])
  }
}
