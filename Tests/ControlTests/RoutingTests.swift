import Messages
import NightjarClient
import RPC
import Testing

@testable import Control

@Suite("Routing")
struct RoutingTests {
  /// A routing update in words.
  private struct Told: Equatable {
    var tenant = ""
    var mode: Proto.Mode = .unknown
    var bakes: [String] = []
    var isEnd = false
    var isWhole = false
    let revision: Control.Fence

    init(_ update: View<Proto.RoutingUpdate>) {
      revision = Control.Fence(epoch: update.revision?.epoch ?? 0, number: update.revision?.number ?? 0)
      if let end = update.table_end, update.change_case == .tableEnd {
        isEnd = true
        isWhole = end.whole
      } else if let route = update.route, update.change_case == .route {
        tenant = route.tenant
        mode = route.mode
        bakes = route.list(\.n_arms, \.arms).map(\.bake)
      }
    }
  }

  private typealias Updates = IncomingMessages<Proto.RoutingUpdate>.AsyncIterator

  private func next(_ updates: inout Updates) async throws -> Told {
    Told(try #require(try await updates.next()))
  }

  /// Everything up to the end of the table.
  private func table(_ updates: inout Updates) async throws -> [Told] {
    var told: [Told] = []
    repeat { told.append(try await next(&updates)) } while told.last?.isEnd != true
    return told
  }

  private func desk() async throws -> Desk {
    let desk = try Desk()
    for tenant in ["at", "be", "ch"] { try await desk.create(tenant) }
    return desk
  }

  @Test("a ranker that knows nothing is told the whole table, then every change")
  func wholeTable() async throws {
    let desk = try await desk()
    let live = try await desk.wholeNight("be")
    try await desk.setMode("ch", .off)
    try await withControl(desk) { control in
      var updates = try await control.watch().responses.makeAsyncIterator()
      let told = try await table(&updates)
      #expect(told.dropLast().map(\.tenant).sorted() == ["at", "be", "ch"])
      #expect(told.last?.isWhole == true)
      #expect(told.first { $0.tenant == "at" }?.bakes == [])
      #expect(told.first { $0.tenant == "be" }?.bakes == [live])
      #expect(told.first { $0.tenant == "ch" }?.mode == .off)
      // Until the table is whole there is nothing to resume from.
      #expect(told.dropLast().allSatisfy { $0.revision.number == 0 })
      let end = try #require(told.last?.revision)
      #expect(end.epoch == desk.core.database.epoch)

      try await desk.setMode("at", .frozen)
      let first = try await next(&updates)
      #expect(first.tenant == "at" && first.mode == .frozen)
      #expect(first.revision.number > end.number)
      try await desk.create("de")
      let second = try await next(&updates)
      #expect(second.tenant == "de" && second.mode == .on && second.bakes == [])
      let fresh = try await desk.wholeNight("be", ["champion": 0.4, "als": 0.3, "popularity": 0.5])
      let third = try await next(&updates)
      #expect(third.bakes == [fresh])
      #expect(third.revision.number > second.revision.number)
    }
  }

  @Test("an arm names the model, the bake, the manifest and the whole weight")
  func arm() async throws {
    let desk = try await desk()
    let live = try await desk.wholeNight("at")
    try await withControl(desk) { control in
      let call = try await control.watch()
      for try await update in call.responses where update.route?.tenant == "at" {
        let arms = try #require(update.route).list(\.n_arms, \.arms)
        #expect(arms.count == 1)
        #expect(arms[0].bake == live)
        #expect(arms[0].model == "als-1")
        #expect(arms[0].manifest_digest == digest(of: live))
        #expect(arms[0].weight_ppm == 1_000_000)
        break
      }
      call.cancel()
    }
  }

  @Test("a ranker that resumes is told what it missed and nothing else")
  func resume() async throws {
    let desk = try await desk()
    try await withControl(desk) { control in
      let first = try await control.watch()
      var updates = first.responses.makeAsyncIterator()
      let end = try #require(try await table(&updates).last?.revision)
      first.cancel()

      var nothing = try await control.watch(from: end).responses.makeAsyncIterator()
      #expect(try await table(&nothing).map(\.revision) == [end])

      try await desk.setMode("ch", .frozen)
      try await desk.setMode("at", .off)
      try await desk.setMode("at", .on)
      var missed = try await control.watch(from: end).responses.makeAsyncIterator()
      let told = try await table(&missed)
      #expect(told.map(\.tenant) == ["ch", "at", ""])
      #expect(told.map(\.mode) == [.frozen, .on, .unknown])
      #expect(told.last?.isWhole == false)
      // Each change is a point to resume from.
      #expect(told.map(\.revision.number) == told.map(\.revision.number).sorted())
      var rest = try await control.watch(from: told[0].revision).responses.makeAsyncIterator()
      #expect(try await table(&rest).map(\.tenant) == ["at", ""])
    }
  }

  @Test("a revision of another epoch is no point to resume from", arguments: [-1, 1])
  func otherEpoch(step: Int) async throws {
    var desk = try await desk()
    try desk.restart()
    let present = desk.core.database.epoch
    let other = Control.Fence(epoch: step < 0 ? present - 1 : present + 1, number: 2)
    try await withControl(desk) { control in
      var updates = try await control.watch(from: other).responses.makeAsyncIterator()
      let told = try await table(&updates)
      #expect(told.dropLast().map(\.tenant).sorted() == ["at", "be", "ch"])
      #expect(told.last?.isWhole == true)
      #expect(told.last?.revision.epoch == present)
    }
  }

  @Test("a ranker that reads slowly is told the present, not all that it missed")
  func slowWatcher() async throws {
    let desk = try Desk()
    let tenants = ["at", "be"].map { $0 + String(repeating: "x", count: 60) }
    for tenant in tenants { try await desk.create(tenant) }
    try await desk.core.database.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = OFF") }
    try await withControl(desk) { control in
      let updates = try await control.watch().responses
      var iterator = updates.makeAsyncIterator()
      _ = try await table(&iterator)
      // Far more than may be under way on a stream that nobody reads.
      let changes = 4_000
      for change in 0..<changes {
        try await desk.setMode(tenants[0], change % 2 == 0 ? .frozen : .on)
      }
      try await desk.setMode(tenants[1], .off)
      var told = 0
      var last: [String: Proto.Mode] = [:]
      while last[tenants[1]] != .off {
        let update = try await next(&iterator)
        last[update.tenant] = update.mode
        told += 1
      }
      #expect(last[tenants[0]] == .on)
      #expect(told < changes, "\(told) updates")
    }
  }

  @Test("many rankers are told the same")
  func manyWatchers() async throws {
    let desk = try await desk()
    try await withControl(desk) { control in
      var watchers: [Updates] = []
      for _ in 0..<20 {
        var updates = try await control.watch().responses.makeAsyncIterator()
        _ = try await table(&updates)
        watchers.append(updates)
      }
      try await desk.setMode("be", .frozen)
      for index in watchers.indices {
        let told = try await next(&watchers[index])
        #expect(told.tenant == "be" && told.mode == .frozen)
      }
    }
  }
}
