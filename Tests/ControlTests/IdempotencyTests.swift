import GRDB
import Messages
import NightjarClient
import RPC
import Synchronization
import Testing
import Transport

@testable import Control

@Suite("Changes with an idempotency key")
struct IdempotencyTests {
  /// A change and another attempt at it: both answers.
  private func twice<R: Message>(
    _ key: String = "k", restarting desk: inout Desk, _ change: (Desk) async throws -> View<R>
  ) async throws -> (String, String) {
    let first = try await Desk.$key.withValue(key) { try await change(desk) }
    try desk.restart()
    let second = try await Desk.$key.withValue(key) { try await change(desk) }
    return (first.json, second.json)
  }

  private func entries(_ kind: Journal.Kind, _ desk: Desk) async throws -> Int? {
    try await desk.core.read { db in
      try Int.fetchOne(db, sql: "SELECT count(*) FROM journal WHERE kind = ?", arguments: [kind.rawValue])
    }
  }

  private func answers(_ desk: Desk) async throws -> [String] {
    try await desk.core.read { db in
      try String.fetchAll(db, sql: "SELECT key FROM answers ORDER BY caller, number")
    }
  }

  @Test("every change is made once and answered twice, also by the next process")
  func changes() async throws {
    var desk = try Desk()
    let created = try await twice("1", restarting: &desk) { try await $0.create("uk") }
    #expect(created.0 == created.1)
    #expect(try await entries(.tenantCreated, desk) == 1)

    let frozen = try await twice("2", restarting: &desk) { try await $0.setMode("uk", .frozen, expected: 1) }
    #expect(frozen.0 == frozen.1)
    try await desk.setMode("uk", .on)
    let again = try await Desk.$key.withValue("2") { try await desk.setMode("uk", .frozen, expected: 1) }
    #expect(again.json == frozen.0)
    #expect(try await desk.tenant("uk").mode == .on)

    let night = try await twice("3", restarting: &desk) { try await $0.runNight() }
    #expect(night.0 == night.1)
    #expect(try await entries(.nightStarted, desk) == 1)
  }

  @Test("a trainer whose answer got lost gets the same lease again, and can give it back twice")
  func leases() async throws {
    var desk = try Desk()
    try await desk.create("uk")
    try await desk.create("de")
    try await desk.runNight()
    let first = try await Desk.$key.withValue("a") { try await desk.lease() }
    let second = try await Desk.$key.withValue("a") { try await desk.lease() }
    #expect(first?.json == second?.json)
    let other = try await Desk.$key.withValue("b") { try await desk.lease() }
    #expect(other?.tenant != first?.tenant)
    try desk.restart()
    let third = try await Desk.$key.withValue("a") { try await desk.lease() }
    #expect(third?.json == first?.json)
    #expect(try await entries(.workLeased, desk) == 2)

    let lease = try #require(first)
    for _ in 0..<2 { try await Desk.$key.withValue("c") { try await desk.fail(lease) } }
    #expect(try await entries(.workFailed, desk) == 1)
    await expectRefusal(.failedPrecondition) { try await desk.fail(lease) }
  }

  @Test("no work is no answer to keep")
  func noWork() async throws {
    let desk = try Desk()
    try await desk.create("uk")
    #expect(try await Desk.$key.withValue("a") { try await desk.lease() } == nil)
    try await desk.runNight()
    #expect(try await Desk.$key.withValue("a") { try await desk.lease() } != nil)
  }

  @Test("an activation and a release are made once")
  func activation() async throws {
    var desk = try Desk()
    try await desk.create("uk")
    try await desk.wholeNight("uk")
    let bakes = try await desk.versions("uk").list(\.n_versions, \.versions).map(\.bake)
    let generation = try await desk.tenant("uk").generation
    let activated = try await twice("1", restarting: &desk) {
      try await $0.activate("uk", bakes[0], expected: generation)
    }
    #expect(activated.0 == activated.1)
    let released = try await twice("2", restarting: &desk) { try await $0.release("uk", expected: generation + 1) }
    #expect(released.0 == released.1)
    #expect(try await entries(.holdReleased, desk) == 1)
  }

  @Test("what failed is tried anew")
  func failures() async throws {
    let desk = try Desk()
    await expectRefusal(.notFound) { _ = try await Desk.$key.withValue("k") { try await desk.setMode("uk", .off) } }
    try await desk.create("uk")
    #expect(try await Desk.$key.withValue("k") { try await desk.setMode("uk", .off) }.mode == .off)
  }

  @Test("a key belongs to one caller and one method")
  func owners() async throws {
    let desk = try Desk()
    try await Desk.$key.withValue("k") { _ = try await desk.create("uk") }
    await expectRefusal(.invalidArgument, "a key of its own") {
      try await Desk.$key.withValue("k") { _ = try await desk.setMode("uk", .off) }
    }
    try await desk.runNight()
    #expect(try await Desk.$key.withValue("k") { try await desk.lease(by: "node-1") } != nil)
    #expect(try await Desk.$key.withValue("k") { try await desk.lease(by: "node-2") } == nil)
  }

  @Test("without a key nothing is kept")
  func noKey() async throws {
    let desk = try Desk()
    try await desk.create("uk")
    try await desk.setMode("uk", .off)
    #expect(try await answers(desk).isEmpty)
  }

  @Test("a client whose answer gets lost makes the change once, without its caller noticing")
  func lostAnswer() async throws {
    let desk = try Desk()
    let losses = Mutex(2)
    var router = Router()
    router.unary(ControlService.createTenant) { [core = desk.core] request, context in
      let answer = try await core.createTenant(request, by: Caller(context))
      let isLost = losses.withLock { left in
        left -= 1
        return left >= 0
      }
      if isLost { throw RPCError(.unavailable, "the answer got lost") }
      return answer
    }
    let server = try Server(
      role: .control, address: SocketAddress(host: "127.0.0.1", port: 0), certificates: Certificates.files("control/a"),
      router: router, reactors: 1, logger: Site.logger)
    let client = try ServiceClient(
      to: [SocketAddress(host: "127.0.0.1", port: server.port)], expecting: .control, serverName: nil,
      certificates: Certificates.files("admin/cli"), logger: Site.logger)
    #expect(try await client.call(ControlService.createTenant) { $0.id = "uk" }.id == "uk")
    #expect(losses.withLock { $0 } < 0)
    #expect(try await entries(.tenantCreated, desk) == 1)
    await expectRefusal(.alreadyExists) { _ = try await client.call(ControlService.createTenant) { $0.id = "uk" } }
    await client.close()
    await server.shutdown(grace: .zero)
  }

  // MARK: What is kept

  private func keep(_ count: Int, bytes: Int, by name: String = "cli", _ desk: Desk) async throws {
    let now = desk.time.wall
    try await desk.core.write { db in
      let first = try Int.fetchOne(db, sql: "SELECT count(*) FROM answers") ?? 0
      for number in first..<first + count {
        let caller = Caller(PeerIdentity(role: .admin, name: name), method: "test", key: "\(number)")
        try Answers.keep([UInt8](repeating: 1, count: bytes), to: caller, at: now, db)
      }
    }
  }

  @Test("the newest answers of each caller are kept, so many and so many bytes")
  func bounds() async throws {
    let desk = try Desk()
    try await keep(Answers.maximumCount + 10, bytes: 1, desk)
    let kept = try await answers(desk)
    #expect(kept == (10..<Answers.maximumCount + 10).map { "\($0)" })
    try await keep(1, bytes: Answers.maximumBytes + 1, by: "other", desk)
    #expect(try await answers(desk).count == Answers.maximumCount + 1)
    try await keep(3, bytes: Answers.maximumBytes / 2, by: "other", desk)
    #expect(try await answers(desk).count == Answers.maximumCount + 2)
  }

  @Test("a day later an answer is forgotten, and one from a wrong clock's future too")
  func age() async throws {
    let desk = try Desk()
    try await keep(1, bytes: 1, desk)
    desk.time.advance(.seconds(24 * 3_600))
    try await keep(1, bytes: 1, desk)
    #expect(try await answers(desk) == ["0", "1"])
    desk.time.advance(.seconds(1))
    try await keep(1, bytes: 1, desk)
    #expect(try await answers(desk) == ["1", "2"])
    desk.time.advance(.seconds(-48 * 3_600))
    try await keep(1, bytes: 1, by: "other", desk)
    #expect(try await answers(desk).count == 1)
  }
}
