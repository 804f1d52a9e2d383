import Messages
import NightjarClient
import RPC
import Testing

@testable import Ranking

@Suite("What a ranker exports", .serialized)
struct ExportTests {
  private func export(
    _ ranker: RunningRanker, cursor: String = "", atMost most: Int = .max,
    _ more: @escaping (Draft<Proto.ExportRecommendationsRequest>) -> Void = { _ in }
  ) async throws -> (customers: [String], cursor: String, last: View<Proto.ExportedList>?) {
    let channel = try ranker.channel(as: "platform-cli")
    defer { withExtendedLifetime(channel) {} }
    let call = try await channel.stream(RankerService.exportRecommendations)
    try await call.send { request in
      request.tenant = "uk"
      request.limit = 50
      request.cursor = cursor
      more(request)
    }
    try await call.finish()
    var (customers, cursor): ([String], String) = ([], "")
    var last: View<Proto.ExportedList>?
    for try await message in call.responses {
      let lists = message.list(\.n_lists, \.lists)
      customers += lists.map(\.customer)
      (cursor, last) = (message.cursor, lists.last)
      if customers.count >= most { break }
    }
    return (customers, cursor, last)
  }

  @Test("every customer with a list comes once, in any number of pieces, and resumes where it was cut")
  func everybody() async throws {
    try await withRanker { bakery, control, ranker in
      control.say(route(arms: [try bakery.bake("b-1", customers: 1_700)]))
      try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
      let whole = try await export(ranker)
      #expect(whole.customers.sorted() == (0..<1_700).map { "c\($0)" }.sorted())
      let last = try #require(whole.last)
      #expect(last.bake == "b-1" && last.model == "m-1" && last.arm == "a")
      #expect(last.list(\.n_items, \.items).map(\.product) == (0..<50).map { "b-1-\($0)" })
      let first = try await export(ranker, atMost: 1)
      #expect(first.customers.count < 1_700)
      let rest = try await export(ranker, cursor: first.cursor)
      #expect(first.customers + rest.customers == whole.customers)
      #expect(try await export(ranker, cursor: whole.cursor).customers.isEmpty)
      #expect(try await export(ranker) { $0.segment = "none" }.customers.isEmpty)
    }
  }

  @Test("the customers of each arm come with that arm's lists")
  func arms() async throws {
    try await withRanker { bakery, control, ranker in
      let (a, b) = (try bakery.bake("b-1", customers: 400), try bakery.bake("b-2", model: "m-2", customers: 400))
      let arms = [(a, "a", 300_000), (b, "b", 500_000)].map { arm, id, weight in
        Ranking.Route.Arm(id: id, model: arm.model, bake: arm.bake, digest: arm.digest, weight: UInt32(weight))
      }
      let none = Ranking.Route.Arm(id: "none", model: "", bake: "", digest: nil, weight: 200_000)
      control.say(route(arms: arms + [none], salt: "s"))
      try await eventually("it is served") { await ranker.serves(["uk"]) }
      let customers = try await export(ranker).customers
      #expect(Set(customers).count == customers.count && (280...360).contains(customers.count))
    }
  }

  @Test("arms with the same lists have each customer once, under the customer's own arm")
  func sameLists() async throws {
    try await withRanker { bakery, control, ranker in
      let arm = try bakery.bake("b/1", customers: 1_200)
      let arms = ["a", "b"].map {
        Ranking.Route.Arm(id: $0, model: arm.model, bake: arm.bake, digest: arm.digest, weight: 500_000)
      }
      control.say(route(arms: arms, salt: "s"))
      try await eventually("it is served") { await ranker.serves(["uk"]) }
      let whole = try await export(ranker)
      #expect(whole.customers.sorted() == (0..<1_200).map { "c\($0)" }.sorted())
      // A bake's name may have a slash.
      let first = try await export(ranker, atMost: 1)
      #expect(try await first.customers + export(ranker, cursor: first.cursor).customers == whole.customers)
    }
  }

  @Test("a cursor of lists that are gone, or of nobody's, is refused, and so is a tenant that is off")
  func refusals() async throws {
    try await withRanker { bakery, control, ranker in
      let arm = try bakery.bake("b-2")
      control.say(route(arms: [arm]))
      try await eventually("b-2 is served") { await ranker.bake() == "b-2" }
      func refusal(_ cursor: String = "", tenant: String = "uk") async -> StatusCode? {
        let error = await #expect(throws: RPCError.self) {
          _ = try await export(ranker, cursor: cursor) { $0.tenant = tenant }
        }
        return error?.code
      }
      await #expect(refusal("b-1/0/7") == .aborted)
      for cursor in ["x", "b-2/0", "b-2/-1/0", "b-2/0/-1", "b-2/0/x"] {
        await #expect(refusal(cursor) == .invalidArgument)
      }
      // Places past the end have nothing left.
      #expect(try await export(ranker, cursor: "b-2/0/999999").customers.isEmpty)
      #expect(try await export(ranker, cursor: "b-2/9/0").customers.isEmpty)
      await #expect(refusal(tenant: "spain") == .notFound)
      control.say(route(mode: .off, arms: [arm]))
      try await eventually("it is off") { await ranker.outcome("uk") == .off }
      await #expect(refusal() == .failedPrecondition)
    }
  }

  private typealias ExportCall = ClientCall<Proto.ExportRecommendationsRequest, Proto.ExportedLists>

  private func begin(_ tenant: String, through channel: Channel) async throws -> ExportCall {
    let call = try await channel.stream(RankerService.exportRecommendations)
    try await call.send { request in
      request.tenant = tenant
      request.limit = 50
    }
    try await call.finish()
    return call
  }

  /// Reads all of an export; what it ends with, nil = well.
  private func end(of call: ExportCall) async -> RPCError? {
    do throws(RPCError) {
      for try await _ in call.responses {}
      return nil
    } catch {
      return error
    }
  }

  @Test("exports that nobody reads keep neither their tenant's lookups waiting nor other tenants' exports")
  func unread() async throws {
    try await withRanker { bakery, control, ranker in
      // More than a stream's first credit, so that an export that is not read cannot end.
      control.say(route(arms: [try bakery.bake("b-1", customers: 3_000)]))
      control.say("france", route("france", arms: [try bakery.bake("b-2", tenant: "france")]))
      try await eventually("both are served") { await ranker.serves(["uk", "france"]) }
      let channel = try ranker.channel(as: "platform-cli")
      var unread: [ExportCall] = []
      for _ in 0..<Limits.computeCalls { unread.append(try await begin("uk", through: channel)) }
      // All but a few are refused, once they are looked at; those are never read.
      var refused = 0
      for call in unread.dropFirst(Limits.exportsOfATenant) {
        let end = await end(of: call)
        refused += end?.code == .resourceExhausted && end?.retryAfter != nil ? 1 : 0
      }
      #expect(refused == Limits.computeCalls - Limits.exportsOfATenant)
      let answer = try await channel.call(RankerService.batchGetRecommendations) { request in
        request.tenant = "uk"
        request.strings(\.n_customers, \.customers, ["c0"])
      }
      #expect(answer.list(\.n_answers, \.answers).count == 1)
      let other = try await begin("france", through: channel)
      #expect(await end(of: other) == nil)
      for call in unread { call.cancel() }
      try await eventually("there is room again") {
        guard let call = try? await begin("uk", through: channel) else { return false }
        return await end(of: call) == nil
      }
      await channel.close()
    }
  }
}
