import Foundation
import Messages
import Testing

@testable import Ranking

@Suite("How a ranker follows overlays", .serialized)
struct OverlayAdoptionTests {
  private func withdrawn(_ products: String...) -> Encoded<Proto.Overlay> {
    Encoded { $0.strings(\.n_withdrawn, \.withdrawn, products) }
  }

  @Test("a new overlay takes effect within a second, and so does its end")
  func change() async throws {
    try await withRanker { bakery, control, ranker in
      let arm = try bakery.bake("b-1")
      control.say(route(arms: [arm]))
      try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
      control.say(route(arms: [arm], overlay: control.keep(withdrawn("b-1-0", "b-1-2"))))
      try await eventually("they are gone", within: .seconds(1)) {
        try await ranker.recommend("c0").products == ["b-1-1", "b-1-3", "b-1-4"]
      }
      control.say(route(arms: [arm], overlay: control.keep(withdrawn("b-1-1"))))
      try await eventually("another is gone", within: .seconds(1)) {
        try await ranker.recommend("c0").products == ["b-1-0", "b-1-2", "b-1-3"]
      }
      control.say(route(arms: [arm]))
      try await eventually("all are back", within: .seconds(1)) {
        try await ranker.recommend("c0").products == ["b-1-0", "b-1-1", "b-1-2"]
      }
      // A new bake comes under the overlay that stands.
      control.say(route(arms: [try bakery.bake("b-2")], overlay: control.keep(withdrawn("b-2-0"))))
      try await eventually("b-2 is served") { await ranker.bake() == "b-2" }
      #expect(try await ranker.recommend("c0").products == ["b-2-1", "b-2-2", "b-2-3"])
    }
  }

  @Test("an overlay that control has not, or that is not what its digest says, changes nothing and is reported")
  func missing() async throws {
    try await withRanker { bakery, control, ranker in
      let arm = try bakery.bake("b-1")
      control.say(route(arms: [arm], overlay: control.keep(withdrawn("b-1-0"))))
      try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
      let unknown = String(repeating: "ab", count: 32)
      control.say(route(arms: [arm], overlay: unknown))
      try await eventually("control hears of it") {
        control.heard.contains { $0.state == .refused && $0.reason.contains("overlay \(unknown) cannot be had") }
      }
      #expect(try await ranker.recommend("c0").products.first == "b-1-1")
      control.say(route(arms: [arm]))
      try await eventually("it follows again") { try await ranker.recommend("c0").products.first == "b-1-0" }
    }
  }

  @Test("to recommend nothing takes no overlay")
  func nothing() async throws {
    try await withRanker { bakery, control, ranker in
      control.say(route(arms: [try bakery.bake("b-1")]))
      try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
      let none = Ranking.Route.Arm(id: "none", model: "", bake: "", digest: nil, weight: 1_000_000)
      control.say(route(arms: [none], overlay: String(repeating: "ab", count: 32)))
      try await eventually("nothing is recommended") { await ranker.outcome("uk") == .nothing }
      // What comes after it is limited again.
      control.say(route(arms: [try bakery.bake("b-2")], overlay: control.keep(withdrawn("b-2-0"))))
      try await eventually("b-2 is served") { await ranker.bake() == "b-2" }
      #expect(try await ranker.recommend("c0").products.first == "b-2-1")
    }
  }

  @Test("an overlay survives a restart without control; a damaged copy is not believed")
  func restart() async throws {
    let scratch = try Scratch()
    let bakery = Bakery(scratch)
    let control = try FakeControl()
    let port = control.server.port
    let state = control.state
    state.say(route(arms: [try bakery.bake("b-1")], overlay: state.keep(withdrawn("b-1-0"))))
    let first = try RunningRanker(scratch, control: port)
    try await eventually("b-1 is served") { await first.bake() == "b-1" }
    let copy = scratch.file("cache/overlays/uk")
    try await eventually("the overlay is on disk") { FileManager.default.fileExists(atPath: copy) }
    try await eventually("the routing is on disk") {
      FileManager.default.fileExists(atPath: scratch.file("cache/routing"))
    }
    await first.stop()
    await control.server.shutdown(grace: .zero)

    let second = try RunningRanker(scratch, control: port)
    try await eventually("b-1 is served") { await second.bake() == "b-1" }
    #expect(try await second.recommend("c0").products.first == "b-1-1")
    await second.stop()

    var damaged = try bytes(of: copy)
    damaged[damaged.count - 1] ^= 1
    try write(damaged, to: copy)
    let third = try RunningRanker(scratch, control: port)
    try await eventually("the tenant is known, and waits") {
      await third.outcome("uk") == nil && third.log.contains("overlay")
    }
    #expect(try await third.refusal().code == .unavailable)
    let restarted = try await FakeControl.restarted(state, port: port)
    try await eventually("it is served under the overlay from control") { await third.bake() == "b-1" }
    #expect(try await third.recommend("c0").products.first == "b-1-1")
    await third.stop()
    await restarted.server.shutdown(grace: .zero)
  }
}
