import GRDB
import Messages
import NightjarClient
import RPC
import Testing

@testable import Control

@Suite("Whether customers are recommended what they have bought", .timeLimit(.minutes(2)))
struct RepurchaseTests {
  private func set(
    _ desk: Desk, _ repurchase: Proto.Repurchase, expected: UInt64 = 0, reason: String = ""
  ) async throws -> View<Proto.Tenant> {
    let request = try Desk.request(Proto.SetRepurchaseRequest.self) { draft in
      draft.tenant = "uk"
      draft.repurchase = repurchase
      draft.expected_generation = expected
      draft.reason = reason
    }
    return try await desk.core.setRepurchase(request, by: Desk.caller(Desk.admin)).decode()
  }

  @Test("it is left out unless the tenant wishes, is kept over a restart, and the journal says who wished what and why")
  func setting() async throws {
    var desk = try Desk()
    #expect(try await desk.create("uk").repurchase == .exclude)
    let allowed = try await set(desk, .allow, reason: "they sell toner")
    #expect(allowed.repurchase == .allow && allowed.generation == 2)
    #expect(try await set(desk, .allow).generation == 2)
    await expectRefusal(.aborted, "at generation 2, not 1") { _ = try await set(desk, .exclude, expected: 1) }
    await expectRefusal(.invalidArgument, "repurchase") { _ = try await set(desk, Proto.Repurchase(rawValue: 7)) }
    try desk.restart()
    #expect(try await desk.tenant("uk").repurchase == .allow)
    try await desk.setMode("uk", .frozen)
    #expect(try await desk.tenant("uk").repurchase == .allow)
    #expect(try await desk.kinds("uk") == ["tenant.created", "repurchase.set", "mode.set"])
    let entries = Array(try await desk.journal("uk").list(\.n_entries, \.entries))
    #expect(entries.contains { $0.reason == "they sell toner" && $0.detail.contains(#""to":"allow""#) })
  }

  @Test("a tenant may be made with the wish, and the lease tells the trainer")
  func lease() async throws {
    let desk = try Desk()
    let request = try Desk.request(Proto.CreateTenantRequest.self) { draft in
      draft.id = "uk"
      draft.repurchase = .allow
    }
    _ = try await desk.core.createTenant(request, by: Desk.caller(Desk.admin))
    try await desk.create("fr")
    try await desk.runNight()
    for _ in 0..<2 {
      let lease = try #require(try await desk.lease())
      #expect(lease.repurchase == (lease.tenant == "uk" ? .allow : .exclude))
    }
  }

  @Test("the routing stream tells rankers at once")
  func route() async throws {
    try await Site.run { site in
      try await site.create("uk")
      let call = try await site.channel("ranker/a").stream(ControlService.watchRouting)
      try await call.send { _ in }
      try await call.finish()
      var updates = call.responses.makeAsyncIterator()
      #expect(try await updates.next()?.route?.repurchase == .exclude)
      _ = try await updates.next()
      _ = try await site.channel("admin/cli").call(ControlService.setRepurchase) { draft in
        draft.tenant = "uk"
        draft.repurchase = .allow
      }
      #expect(try await updates.next()?.route?.repurchase == .allow)
      call.cancel()
    }
  }

  @Test("a database of the version before knows no such wish: everything bought is left out")
  func migration() throws {
    let queue = try DatabaseQueue()
    try ControlSchema.migrator.migrate(queue, upTo: "overlays")
    try queue.write { db in
      try db.execute(
        sql: """
          INSERT INTO tenants (id, name, mode, generation, created_at, horizon_days, needs_approval, hold, models, bakes,
          revision) VALUES ('uk', 'uk', 1, 1, 0, 28, 0, 0, 0, 0, 1)
          """)
    }
    try ControlSchema.migrator.migrate(queue)
    #expect(try queue.read { try TenantRow.get("uk", $0) }.repurchase == .exclude)
  }
}
