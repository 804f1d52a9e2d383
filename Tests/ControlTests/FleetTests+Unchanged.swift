import Commerce
import Messages
import Testing

@testable import Control

/// What nights do with tenants whose data are what they were.
extension FleetTests {
  /// A desk whose tenant was trained on data of a digest, and lets a night begin a day later.
  private func trained(lastEvent: Timestamp = .epoch, changes: Timestamp = .epoch) async throws -> (Desk, live: String)
  {
    let desk = try Desk()
    try await desk.create("uk")
    desk.ingest.set("uk", content: "a", lastEvent: lastEvent)
    try await desk.runNight()
    let lease = try #require(try await desk.lease())
    let bakes = try await desk.report(lease).decode().list(\.n_bakes, \.bakes).map(\.bake)
    let live = try await desk.complete(lease, bakes: bakes, availabilityChanges: changes).decode().live_bake
    return (desk, live)
  }

  private static let tomorrow = Desk.asOf.adding(days: 1)

  @Test("a tenant whose data are what they were is neither trained nor baked")
  func unchanged() async throws {
    let (desk, live) = try await trained()
    try await desk.runNight(asOf: Self.tomorrow)
    #expect(try await desk.lease() == nil)
    #expect(try await desk.work("uk").state == .unchanged)
    #expect(try await desk.night().finished_at_us > 0)
    #expect(try await desk.tenant("uk").live?.bake == live)
    #expect(try await progress(desk).unchanged == 1)
    #expect(try await desk.kinds("uk").last == "work.unchanged")
  }

  @Test("it is trained when the content has changed, or a person asks for it, or nobody knows")
  func changed() async throws {
    for (content, retrain) in [("b", false), ("a", true), ("", false)] {
      let (desk, _) = try await trained()
      if content.isEmpty {
        // Events that the snapshot leaves out: the digest is not the snapshot's.
        desk.ingest.set("uk", content: "a", lastEvent: Self.tomorrow + .seconds(1))
      } else {
        desk.ingest.set("uk", content: content)
      }
      try await desk.runNight(asOf: Self.tomorrow, retrain: retrain)
      #expect(try await desk.lease()?.kind == .train)
    }
    let (desk, _) = try await trained(lastEvent: Self.tomorrow)
    try await desk.runNight(asOf: Self.tomorrow)
    #expect(try await desk.lease()?.kind == .train)
  }

  @Test(
    "its lists are baked anew when a product comes on or goes off sale, when they are a week old, and when somebody decided"
  )
  func rebaked() async throws {
    for (days, changes) in [(1, Self.tomorrow), (7, Timestamp.epoch), (1, Timestamp.epoch)] {
      let (desk, live) = try await trained(changes: changes)
      let model = try await desk.tenant("uk").live?.model
      if days == 1, changes == .epoch {
        try await desk.setMode("uk", .frozen)
        try await desk.setMode("uk", .on)
      }
      try await desk.runNight(asOf: Desk.asOf.adding(days: days))
      let lease = try #require(try await desk.lease())
      #expect(lease.kind == .rebake)
      let orders = try await desk.report(lease, [:], judged: 0)
      try await desk.complete(lease, orders)
      #expect(try await desk.tenant("uk").live?.model == model)
      #expect(try await desk.tenant("uk").live?.bake != live)
      try await desk.runNight(asOf: Desk.asOf.adding(days: days))
      #expect(try await desk.lease() == nil)
      #expect(try await desk.work("uk").state == .unchanged)
    }
  }

  @Test("where baking it anew fails, it is trained")
  func rebakeFails() async throws {
    let (desk, _) = try await trained()
    try await desk.runNight(asOf: Desk.asOf.adding(days: 8))
    let lease = try #require(try await desk.lease())
    #expect(lease.kind == .rebake)
    try await desk.fail(lease)
    desk.passPause()
    #expect(try await desk.lease()?.kind == .train)
  }

  @Test("after a person made another version live it is trained as ever")
  func activated() async throws {
    let (desk, live) = try await trained()
    desk.ingest.set("uk", content: "b")
    try await desk.wholeNight("uk", ["champion": 0.4, "als": 0.3, "popularity": 0.5])
    try await desk.activate("uk", live, hold: .untilNextNight)
    try await desk.runNight(asOf: Self.tomorrow)
    #expect(try await desk.lease()?.kind == .train)
  }

  @Test("data that a freeze kept from being judged are trained on once the tenant is on again")
  func frozenMeanwhile() async throws {
    let (desk, _) = try await trained()
    desk.ingest.set("uk", content: "b")
    try await desk.runNight(asOf: Self.tomorrow)
    let lease = try #require(try await desk.lease())
    #expect(lease.kind == .train)
    try await desk.setMode("uk", .frozen)
    let orders = try await desk.report(lease)
    #expect(try orders.decode().verdict == .rebake)
    try await desk.complete(lease, orders)
    try await desk.setMode("uk", .on)
    try await desk.runNight(asOf: Self.tomorrow.adding(days: 1))
    #expect(try await desk.lease()?.kind == .train)
  }
}
