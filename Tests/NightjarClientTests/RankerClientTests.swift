import Commerce
import Messages
import NightjarClient
import RPC
import Testing
import Transport

@Suite("Asking rankers", .timeLimit(.minutes(5)))
struct RankerClientTests {
  /// Runs `body` with a client of a ranker that gives one answer.
  private func answering(
    _ build: @escaping @Sendable (Draft<Proto.GetRecommendationsResponse>) -> Void,
    _ body: (RankerClient) async throws -> Void
  ) async throws {
    let server = try serve(.ranker) { router in
      router.onReactor(RankerService.getRecommendations) { request, response, _ throws(RPCError) in
        guard request.tenant == "uk" else { throw RPCError(.notFound, "no such tenant") }
        #expect(request.customer == "12347" && request.limit == 3)
        build(response)
      }
    }
    let client = try RankerClient(
      addresses: ["127.0.0.1:\(server.port)"], certificates: Certificates.of("tenant-uk"),
      hedging: Hedging(after: .seconds(1)), logger: quiet)
    try await body(client)
    await client.close()
    await server.shutdown(grace: .zero)
  }

  private func ask(_ client: RankerClient, _ tenant: String = "uk") async throws -> Recommendations {
    try await client.recommendations(tenant: TenantID(tenant), customer: CustomerID("12347"), limit: 3)
  }

  private static let id = "0123456789abcdef0123456789abcdef"

  @Test("a list comes with its products, offers, scores and source")
  func list() async throws {
    try await answering { response in
      response.outcome = .list
      response.list(\.n_items, \.items, of: [("p1", "", 0.5), ("p2", "o", 0.25)] as [(String, String, Float)]) {
        $0.product = $1.0
        $0.offer = $1.1
        $0.score = $1.2
      }
      response.model = "als-7"
      response.bake = "als-7.12"
      response.arm = "live"
      response.as_of_us = 5
      response.recommendation_id = Self.id
      response.frozen = true
    } _: { client in
      let answer = try await ask(client)
      #expect(answer.outcome == .list && answer.isFrozen && answer.id.rawValue == Self.id)
      #expect(answer.items.map(\.product.rawValue) == ["p1", "p2"])
      #expect(answer.items.map(\.offer?.rawValue) == [nil, "o"] && answer.items.map(\.score) == [0.5, 0.25])
      let source = try #require(answer.source)
      #expect(source.model == "als-7" && source.bake == "als-7.12" && source.arm == "live")
      #expect(source.asOf == Timestamp(microseconds: 5))
    }
  }

  @Test(
    "every outcome has its case",
    arguments: [
      (Proto.Outcome.nothing, Proto.Fallback.none, Recommendations.Outcome.nothing),
      (.off, .none, .off), (.fallback, .unknownCustomer, .unknownCustomer), (.fallback, .dataFloor, .dataFloor),
    ])
  func outcomes(outcome: Proto.Outcome, fallback: Proto.Fallback, expected: Recommendations.Outcome) async throws {
    try await answering {
      $0.outcome = outcome
      $0.fallback = fallback
      $0.recommendation_id = Self.id
    } _: { client in
      let answer = try await ask(client)
      #expect(answer.outcome == expected && answer.items.isEmpty && answer.source == nil)
    }
  }

  @Test("an answer that makes no sense is an error, and so is the ranker's own")
  func errors() async throws {
    try await answering {
      $0.outcome = Proto.Outcome(rawValue: 77)
      $0.recommendation_id = Self.id
    } _: { client in
      let error = await failure { _ = try await ask(client) }
      #expect(error?.code == .internal && error?.message.contains("outcome") == true)
      #expect(await failure { _ = try await ask(client, "fr") }?.code == .notFound)
    }
  }

  @Test("an address that is none is refused before anything is connected")
  func badAddress() {
    #expect(throws: TransportError.self) {
      try RankerClient(addresses: ["nowhere"], certificates: Certificates.of("tenant-uk"), logger: quiet)
    }
  }
}
