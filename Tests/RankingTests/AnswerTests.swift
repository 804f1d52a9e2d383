import Foundation
import Messages
import NightjarClient
import RPC
import Testing
import Transport

@testable import Ranking

@Suite("What a ranker answers", .serialized)
struct AnswerTests {
  @Test("a customer's own list, best first, with everything that is known of it")
  func list() async throws {
    try await withRanker { bakery, control, ranker in
      control.say(route(arms: [try bakery.bake("b-1")]))
      try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
      #expect(try await ranker.recommend("c7", limit: 0).products.count == 10)
      let answer = try await ranker.recommend("c7", limit: 3)
      #expect(answer.outcome == .list && answer.fallback == .none)
      #expect(answer.products == ["b-1-0", "b-1-1", "b-1-2"])
      #expect(answer.list(\.n_items, \.items).map(\.offer) == ["", "half-price", ""])
      #expect(answer.list(\.n_items, \.items).map(\.score) == [60, 59, 58])
      #expect(answer.model == "m-1" && answer.arm == "a" && answer.as_of_us == 1_000 && !answer.frozen)
      #expect(answer.recommendation_id.utf8.count == 32)
      #expect(try await ranker.recommend("c7").recommendation_id != answer.recommendation_id)
      #expect(try await ranker.recommend("c7", limit: 50).products.count == 50)
    }
  }

  @Test("nothing for whom the engine recommends nothing, the overall list for strangers")
  func nothingAndFallback() async throws {
    try await withRanker { bakery, control, ranker in
      control.say(route(arms: [try bakery.bake("b-1")]))
      control.say("france", route("france", arms: [try bakery.bake("b-2", tenant: "france", hasFallback: false)]))
      try await eventually("both are served") { await ranker.serves(["uk", "france"]) }
      let nothing = try await ranker.recommend("nobody")
      #expect(nothing.outcome == .nothing && nothing.products.isEmpty && nothing.bake == "b-1")
      let stranger = try await ranker.recommend("stranger")
      #expect(stranger.outcome == .fallback && stranger.fallback == .unknownCustomer)
      #expect(stranger.products == ["b-1-5", "b-1-6", "b-1-7"])
      #expect(try await ranker.recommend("stranger", tenant: "france").outcome == .nothing)
    }
  }

  @Test("lists of a tenant under the data floor are marked, to known and unknown customers")
  func dataFloor() async throws {
    try await withRanker { bakery, control, ranker in
      control.say(route(arms: [try bakery.bake("b-1", isDataFloor: true)]))
      try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
      for customer in ["c0", "stranger"] {
        let answer = try await ranker.recommend(customer)
        #expect(answer.outcome == .fallback && answer.fallback == .dataFloor && answer.products.count == 3)
      }
    }
  }

  @Test("frozen is flagged, off answers off and no list, and both take effect at once")
  func modes() async throws {
    try await withRanker { bakery, control, ranker in
      let arm = try bakery.bake("b-1")
      control.say(route(arms: [arm]))
      try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
      control.say(route(mode: .frozen, arms: [arm]))
      try await eventually("frozen") { try await ranker.recommend().frozen }
      #expect(try await ranker.recommend().products.count == 3)
      control.say(route(mode: .off, arms: [arm]))
      try await eventually("off") { try await ranker.recommend().outcome == .off }
      let off = try await ranker.recommend()
      #expect(off.products.isEmpty && off.model.isEmpty && off.bake.isEmpty && off.arm.isEmpty && off.as_of_us == 0)
      #expect(off.recommendation_id.utf8.count == 32)
      control.say(route(arms: [arm]))
      try await eventually("on again") { try await ranker.recommend().outcome == .list }
      let states = [Proto.ServingState.adopted, .stopped, .adopted]
      try await eventually("control heard of it") { control.heard.map(\.state) == states }
    }
  }

  @Test("customers are spread over arms by the documented hash, and an arm may recommend nothing")
  func arms() async throws {
    try await withRanker { bakery, control, ranker in
      let first = try bakery.bake("b-1")
      let second = try bakery.bake("b-2")
      let arms = [
        Route.Arm(id: "champion", model: "m-1", bake: "b-1", digest: first.digest, weight: 300_000),
        Route.Arm(id: "challenger", model: "m-1", bake: "b-2", digest: second.digest, weight: 300_000),
        Route.Arm(id: "silent", model: "", bake: "", digest: nil, weight: 400_000),
      ]
      control.say(route(arms: arms, salt: "night-1"))
      try await eventually("served") { await ranker.bake() != nil }
      var seen: Set<String> = []
      for customer in (0..<20).map({ "c\($0)" }) + ["12347", "12348"] {
        let answer = try await ranker.recommend(customer)
        seen.insert(answer.arm)
        #expect((answer.outcome == .nothing) == (answer.arm == "silent"))
        #expect(answer.arm != "champion" || answer.bake == "b-1")
      }
      #expect(seen == ["champion", "challenger", "silent"])
      // The points of these two, 803,262 and 587,745, are vectors of Assignment.
      #expect(try await ranker.recommend("12347").arm == "silent")
      #expect(try await ranker.recommend("12348").arm == "challenger")
    }
  }

  @Test("a limit or a customer out of bounds: INVALID_ARGUMENT that names field and limit", arguments: [51, .max])
  func limits(limit: UInt32) async throws {
    try await withRanker { bakery, control, ranker in
      control.say(route(arms: [try bakery.bake("b-1")]))
      try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
      let error = try await ranker.refusal(limit: limit)
      #expect(error.code == .invalidArgument && error.message.contains("limit") && error.message.contains("50"))
      #expect(error.violations.map(\.field) == ["limit"])
      for customer in ["", String(repeating: "x", count: 129)] {
        let error = try await ranker.refusal(customer)
        #expect(error.code == .invalidArgument && error.violations.map(\.field) == ["customer"])
      }
    }
  }

  @Test("an id that ingest would refuse, and with it what was served, is refused with its field's name")
  func controlCharacters() async throws {
    try await withRanker { bakery, control, ranker in
      control.say(route(arms: [try bakery.bake("b-1")]))
      control.say("off", route("off", mode: .off, arms: []))
      try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
      let channel = try ranker.channel(as: "platform-cli")
      for bad in ["c\u{1}", "\u{7f}", "c7\n", "c\u{85}7"] {
        for tenant in ["uk", "off"] {
          let error = try await ranker.refusal(bad, tenant: tenant)
          #expect(error.code == .invalidArgument && error.violations.map(\.field) == ["customer"])
        }
        let fields = ["customers[1]", "exclude[0]", "pin[0]", "context.acts[0].product"]
        for field in fields {
          let error = await #expect(throws: RPCError.self) {
            if field.hasPrefix("customers") {
              _ = try await channel.call(RankerService.batchGetRecommendations) { request in
                request.tenant = "uk"
                request.strings(\.n_customers, \.customers, ["c0", bad])
              }
            } else {
              _ = try await channel.call(RankerService.getRecommendations) { request in
                request.tenant = "uk"
                request.customer = "c0"
                if field.hasPrefix("exclude") { request.strings(\.n_exclude, \.exclude, [bad]) }
                if field.hasPrefix("pin") { request.strings(\.n_pin, \.pin, [bad]) }
                guard field.hasPrefix("context") else { return }
                request.message(\.context) { context in
                  context.list(\.n_acts, \.acts, of: [bad]) { act, product in
                    act.kind = .view
                    act.product = product
                  }
                }
              }
            }
          }
          #expect(error?.code == .invalidArgument && error?.violations.map(\.field) == [field])
        }
      }
      #expect(try await ranker.recommend("é\u{a0}").outcome == .fallback)
      await channel.close()
    }
  }

  @Test("an unknown tenant is NOT_FOUND; one without lists, or a ranker that was told nothing, UNAVAILABLE")
  func absent() async throws {
    try await withRanker { bakery, control, ranker in
      control.say(route(arms: []))
      try await eventually("the table is whole") { try await ranker.refusal(tenant: "nowhere").code == .notFound }
      let error = try await ranker.refusal()
      #expect(error.code == .failedPrecondition && error.message.contains("first night"))
      control.say(nil)
      try await eventually("the tenant is gone") { try await ranker.refusal().code == .notFound }
    }
    let scratch = try Scratch()
    let ranker = try RunningRanker(scratch, control: 1)
    let error = try await ranker.refusal()
    #expect(error.code == .unavailable && error.message.contains("control"))
    await ranker.stop()
  }

  @Test("a tenant's certificate and a tenant's server name are good for that tenant only, and attempts are logged")
  func identities() async throws {
    try await withRanker { bakery, control, ranker in
      control.say(route(arms: [try bakery.bake("b-1")]))
      control.say("france", route("france", arms: [try bakery.bake("b-2", tenant: "france")]))
      try await eventually("both are served") { await ranker.serves(["uk", "france"]) }

      let uk = try ranker.channel(as: "tenant-uk")
      #expect(try await ranker.recommend(through: uk).bake == "b-1")
      let denied = try await ranker.refusal(tenant: "france", through: uk)
      #expect(denied.code == .permissionDenied && denied.message.contains("france"))
      #expect(ranker.log.contains("tenant/uk"))

      let platform = try ranker.channel(as: "platform-cli", serverName: "france.ranker.example")
      #expect(try await ranker.recommend(tenant: "france", through: platform).bake == "b-2")
      #expect(try await ranker.refusal(tenant: "uk", through: platform).code == .permissionDenied)
      #expect(ranker.log.contains("france.ranker.example"))

      let both = try ranker.channel(as: "tenant-uk", serverName: "france.ranker.example")
      for tenant in ["uk", "france"] {
        #expect(try await ranker.refusal(tenant: tenant, through: both).code == .permissionDenied)
      }
      let admin = try ranker.channel(as: "admin-cli")
      #expect(try await ranker.refusal(through: admin).code == .permissionDenied)
      for channel in [uk, platform, both, admin] { await channel.close() }
    }
  }
}
