import Commerce
import Foundation
import Messages
import RPC
import Synchronization
import Testing

@testable import Ranking

@Suite("What a ranker adopts, refuses, keeps and reports", .serialized)
struct AdoptionTests {
  @Test("a damaged artifact is refused and reported with its reason; the old one serves until it is mended")
  func damaged() async throws {
    try await withRanker { bakery, control, ranker in
      control.say(route(arms: [try bakery.bake("b-1")]))
      try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
      let arm = try bakery.bake("b-2")
      let path = try bakery.path(arm)
      let whole = try bytes(of: path)
      var damaged = whole
      damaged[damaged.count / 2] ^= 1
      try write(damaged, to: path)
      control.say(route(arms: [arm]))
      try await eventually("the refusal is reported") { control.heard.contains { $0.state == .refused } }
      let refusal = try #require(control.heard.last)
      #expect(refusal.tenant == "uk" && refusal.bake == "b-2" && refusal.reason.contains("digest"))
      #expect(await ranker.bake() == "b-1")
      try await eventually("the refusal is counted") { ranker.shows("nightjar_ranker_tenants{state=\"refused\"} 1") }
      try write(whole, to: path)
      try await eventually("b-2 is served") { await ranker.bake() == "b-2" }
      try await eventually("the adoption is counted") { ranker.shows("nightjar_ranker_tenants{state=\"served\"} 1") }
      try await eventually("the adoption is reported") { control.heard.last?.state == .adopted }
      #expect(control.heard.map(\.bake) == ["b-1", "b-2", "b-2"])
    }
  }

  @Test(
    "an artifact that is not what control ordered is refused",
    arguments: ["missing", "model", "probe", "tenant", "bake"])
  func notAsOrdered(defect: String) async throws {
    try await withRanker { bakery, control, ranker in
      control.say(route(arms: [try bakery.bake("b-1")]))
      try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
      var arm = try bakery.bake(
        "b-2", tenant: defect == "tenant" ? "france" : "uk", probes: defect == "probe" ? ["nowhere"] : ["c0"])
      if defect == "model" {
        arm = Route.Arm(id: arm.id, model: "m-2", bake: arm.bake, digest: arm.digest, weight: arm.weight)
      }
      if defect == "bake" {
        let served = try bakery.bake("b-1")
        arm = Route.Arm(id: "a", model: "m-1", bake: "b-2", digest: served.digest, weight: 1_000_000)
      }
      if defect == "missing" { try FileManager.default.removeItem(atPath: try bakery.path(arm)) }
      control.say(route(arms: [arm]))
      try await eventually("the refusal is reported") { control.heard.contains { $0.state == .refused } }
      #expect(await ranker.bake() == "b-1")
      // The reason stands in the journal for good, so it names no customer.
      #expect(control.heard.allSatisfy { !$0.reason.contains("nowhere") })
    }
  }

  @Test("rolling back is adopting an older version, which is still in the cache")
  func rollBack() async throws {
    try await withRanker { bakery, control, ranker in
      let (first, second) = (try bakery.bake("b-1"), try bakery.bake("b-2"))
      control.say(route(arms: [first]))
      try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
      control.say(route(arms: [second]))
      try await eventually("b-2 is served") { await ranker.bake() == "b-2" }
      try FileManager.default.removeItem(atPath: bakery.root)
      control.say(route(arms: [first]))
      try await eventually("b-1 is served again") { await ranker.bake() == "b-1" }
      try await eventually("control heard of it") { control.heard.map(\.bake) == ["b-1", "b-2", "b-1"] }
      #expect(control.heard.allSatisfy { $0.state == .adopted })
    }
  }

  @Test("the cache keeps what is served and what was served before, and forgets a tenant that is gone")
  func eviction() async throws {
    let scratch = try Scratch()
    let control = try FakeControl()
    let ranker = try RunningRanker(scratch, control: control.server.port)
    let bakery = Bakery(scratch)
    func cached() -> [String] {
      (try? FileManager.default.contentsOfDirectory(atPath: scratch.file("cache/artifacts/uk")))?.sorted() ?? []
    }
    var arms: [Route.Arm] = []
    for number in 1...4 {
      arms.append(try bakery.bake("b-\(number)"))
      control.state.say(route(arms: [arms[number - 1]]))
      try await eventually("b-\(number) is served") { await ranker.bake() == "b-\(number)" }
    }
    let expected = arms.suffix(2).compactMap { $0.digest?.description }.sorted()
    try await eventually("only two are left") { cached() == expected }
    control.state.say(nil)
    try await eventually("none is left") { cached().isEmpty }
    try await eventually("control heard of it") { control.state.heard.last?.state == .stopped }
    await ranker.stop()
    await control.server.shutdown(grace: .zero)
  }

  @Test("routing and cache survive a restart without control and without the store, modes too")
  func restart() async throws {
    let scratch = try Scratch()
    let bakery = Bakery(scratch)
    let control = try FakeControl()
    let first = try RunningRanker(scratch, control: control.server.port)
    control.state.say(route(mode: .frozen, arms: [try bakery.bake("b-1")]))
    control.state.say("france", route("france", mode: .off, arms: [try bakery.bake("b-2", tenant: "france")]))
    control.state.say("spain", route("spain", arms: []))
    try await eventually("uk is served") { await first.bake() == "b-1" }
    try await eventually("france is off") { await first.outcome("france") == .off }
    let file = RoutingFile(path: scratch.file("cache/routing"))
    try await eventually("the routing is on disk") { try file.load()?.routes.count == 3 }
    await first.stop()
    await control.server.shutdown(grace: .zero)
    try FileManager.default.removeItem(atPath: bakery.root)

    // Nothing that cannot be cleared away keeps it from that.
    try write([1], to: scratch.file("cache/artifacts/uk/.staging-1"))
    let second = try RunningRanker(scratch, control: control.server.port)
    try await eventually("uk is served") { await second.bake() == "b-1" }
    #expect(try await second.recommend().frozen)
    #expect(try await second.recommend(tenant: "france").outcome == .off)
    #expect(try await second.refusal(tenant: "spain").code == .failedPrecondition)
    #expect(try await second.refusal(tenant: "nowhere").code == .notFound)
    await second.stop()
  }

  @Test("a copy damaged on the ranker's own disk is fetched anew at the restart")
  func damagedCopy() async throws {
    let scratch = try Scratch()
    let bakery = Bakery(scratch)
    let control = try FakeControl()
    let first = try RunningRanker(scratch, control: control.server.port)
    let arm = try bakery.bake("b-1")
    control.state.say(route(arms: [arm]))
    try await eventually("uk is served") { await first.bake() == "b-1" }
    let file = RoutingFile(path: scratch.file("cache/routing"))
    try await eventually("the routing is on disk") { try file.load()?.routes.count == 1 }
    await first.stop()
    let copy = scratch.file("cache/artifacts/uk/\(try #require(arm.digest))/lists")
    try write(Array(try bytes(of: copy).dropLast(3)), to: copy)
    let second = try RunningRanker(scratch, control: control.server.port)
    try await eventually("uk is served") { await second.bake() == "b-1" }
    #expect(try bytes(of: copy) == bytes(of: try bakery.path(arm)))
    await second.stop()
    await control.server.shutdown(grace: .zero)
  }

  @Test("with control away the ranker goes on; then it resumes where it was and tells what it did meanwhile")
  func controlAway() async throws {
    let scratch = try Scratch()
    let bakery = Bakery(scratch)
    let control = try FakeControl()
    let port = control.server.port
    let ranker = try RunningRanker(scratch, control: port)
    control.state.say(route(arms: [try bakery.bake("b-1")]))
    try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
    try await eventually("control heard of it") { control.state.heard.count == 1 }
    await control.server.shutdown(grace: .zero)
    #expect(await ranker.bake() == "b-1")

    control.state.say(route(arms: [try bakery.bake("b-2")]))
    let back = try await FakeControl.restarted(control.state, port: port)
    try await eventually("b-2 is served") { await ranker.bake() == "b-2" }
    #expect(control.state.resumes.last == RoutingRevision(epoch: 7, number: 1))
    try await eventually("control heard of it") { control.state.heard.map(\.bake) == ["b-1", "b-2"] }

    await back.server.shutdown(grace: .zero)
    control.state.say("france", route("france", arms: []))
    control.state.restoreBackup(without: "uk")
    let restored = try await FakeControl.restarted(control.state, port: port)
    try await eventually("a whole table without the tenant ends it") { await ranker.bake() == nil }
    #expect(try await ranker.refusal().code == .notFound)
    #expect(try await ranker.refusal(tenant: "france").code == .failedPrecondition)
    await ranker.stop()
    await restored.server.shutdown(grace: .zero)
  }

  @Test("swapping versions under load: no lookup fails, and none mixes two versions")
  func swaps() async throws {
    try await withRanker { bakery, control, ranker in
      let arms = try (0..<6).map { try bakery.bake("b-\($0)") }
      control.say(route(arms: [arms[0]]))
      try await eventually("b-0 is served") { await ranker.bake() == "b-0" }
      let isOver = Flag()
      try await withThrowingTaskGroup(of: Int.self) { group in
        for caller in 0..<4 {
          group.addTask {
            var lookups = 0
            while !isOver.isRaised {
              let answer = try await ranker.recommend("c\(caller)")
              #expect(answer.products.allSatisfy { $0.hasPrefix("\(answer.bake)-") })
              lookups += 1
            }
            return lookups
          }
        }
        for round in 1...60 {
          control.say(route(arms: [arms[round % 6]]))
          try await eventually("round \(round)") { await ranker.bake() == "b-\(round % 6)" }
        }
        isOver.raise()
        for try await lookups in group { #expect(lookups > 60) }
      }
    }
  }
}

private final class Flag: Sendable {
  private let value = Atomic(false)

  var isRaised: Bool { value.load(ordering: .relaxed) }

  func raise() { value.store(true, ordering: .relaxed) }
}
