import Commerce
import Messages
import RPC
import Testing

@testable import Control

@Suite("Nights")
struct NightTests {
  @Test("a night works on every tenant that has something to do")
  func everybody() async throws {
    let desk = try Desk()
    for tenant in ["at", "be", "ch", "de"] { try await desk.create(tenant) }
    try await desk.wholeNight("be")
    try await desk.setMode("at", .off)
    try await desk.setMode("be", .frozen)
    try await desk.setMode("ch", .frozen)
    let night = try await desk.runNight()
    #expect(night.list(\.n_work, \.work).map(\.tenant) == ["be", "de"])
    #expect(night.list(\.n_work, \.work).allSatisfy { $0.state == .waiting })
    #expect(night.as_of_us == Desk.asOf.microseconds)
    #expect(night.finished_at_us == 0)
  }

  @Test("only the tenants named, each once")
  func named() async throws {
    let desk = try Desk()
    for tenant in ["at", "be", "ch"] { try await desk.create(tenant) }
    let night = try await desk.runNight(["ch", "at", "ch"])
    #expect(night.list(\.n_work, \.work).map(\.tenant) == ["at", "ch"])
  }

  @Test("a night with nothing to do is over at once")
  func nothing() async throws {
    let desk = try Desk()
    let night = try await desk.runNight()
    #expect(night.finished_at_us == desk.time.wall.microseconds)
    #expect(try await desk.lease() == nil)
  }

  @Test("a tenant whose night is not over does not begin another, others do")
  func busy() async throws {
    let desk = try Desk()
    try await desk.create("at")
    try await desk.create("be")
    let first = try await desk.runNight(["at"])
    await expectRefusal(.failedPrecondition, "night \(first.id) is still at work on tenant at") {
      try await desk.runNight()
    }
    let lease = try #require(try await desk.lease())
    await expectRefusal(.failedPrecondition) { try await desk.runNight(["at"]) }
    let second = try await desk.runNight(["be"])
    #expect(second.id == first.id + 1)
    try await desk.complete(lease, desk.report(lease))
    try await desk.runNight(["at"])
  }

  @Test("a night ends with its last tenant")
  func end() async throws {
    let desk = try Desk()
    try await desk.create("at")
    try await desk.create("be")
    let night = try await desk.runNight()
    let first = try #require(try await desk.lease())
    let second = try #require(try await desk.lease(by: "node-2"))
    desk.time.advance(.seconds(5))
    try await desk.complete(first, desk.report(first))
    #expect(try await desk.night(night.id).finished_at_us == 0)
    desk.time.advance(.seconds(5))
    try await desk.complete(second, desk.report(second, by: "node-2"), by: "node-2")
    #expect(try await desk.night(night.id).finished_at_us == desk.time.wall.microseconds)
  }

  @Test("a night tells what was judged, by whom, and what went live")
  func figures() async throws {
    let desk = try Desk()
    try await desk.create("uk")
    try await desk.runNight()
    let lease = try #require(try await desk.lease())
    let answer = try await desk.complete(lease, desk.report(lease)).decode()
    let work = try await desk.work("uk")
    #expect(work.state == .done)
    #expect(work.attempts == 1)
    #expect(work.trainer == "trainer/node-1")
    #expect(work.activated_bake == answer.live_bake)
    #expect(work.failure.isEmpty)
    let evaluation = try #require(work.evaluation)
    #expect(evaluation.verdict == .promote)
    #expect(evaluation.winner == "als")
    #expect(evaluation.judged_customers == 400)
    #expect(evaluation.list(\.n_candidates, \.candidates).map(\.candidate) == ["als", "popularity"])
    #expect(evaluation.list(\.n_candidates, \.candidates).map(\.rmse) == [0.38, 0.39])
  }

  @Test("what a night cannot be is refused")
  func validation() async throws {
    let desk = try Desk()
    await expectRefusal(.invalidArgument, "as_of_us") { try await desk.runNight(asOf: .epoch) }
    await expectRefusal(.invalidArgument, "as_of_us") { try await desk.runNight(asOf: Timestamp(microseconds: -1)) }
    await expectRefusal(.invalidArgument, "as_of_us") { try await desk.runNight(asOf: Timestamp(microseconds: .max)) }
    await expectRefusal(.invalidArgument, "tenants[1]") { try await desk.runNight(["uk", "U K"]) }
    await expectRefusal(.invalidArgument, "takes at most 10000, not 10001") {
      try await desk.runNight(Array(repeating: "uk", count: 10_001))
    }
    await expectRefusal(.notFound, "no night yet") { _ = try await desk.night() }
    await expectRefusal(.notFound, "no night 7") { _ = try await desk.night(7) }
    await expectRefusal(.invalidArgument, "night") { _ = try await desk.night(.max) }
  }
}
