import ArtifactStore
import Commerce
import Messages
import NightjarClient
import RPC
import RankedLists
import Testing

@testable import Ranking

@Suite("Which offer a product is named under, and what was bought", .serialized)
struct OfferTests {
  private static let asOf: Int64 = 1_700_000_000_000_000
  private static let hour: Int64 = 3_600_000_000

  /// `ann` has the list p0, p1, p2, p3, and has bought p4, p5, and where `listsBought`, p1. Offers of p0: for push, for pull, for both from
  /// an hour on; of p1: over after an hour. Strangers get p4, p5, p6.
  private func publish(_ bakery: Bakery, listsBought: Bool) throws -> Ranking.Route.Arm {
    let digest = try bakery.store.publish(
      tenant: TenantID("uk"),
      manifest: { files in
        Encoded { draft in
          draft.format = 1
          draft.tenant = "uk"
          draft.model = "m-1"
          draft.bake = "b-1"
          draft.as_of_us = Self.asOf
          draft.lists_bought = listsBought
          files.fill(draft)
        }
      },
      write: { path, modelPath in
        var writer = try RankedListsWriter(
          path: path, header: RankedListsHeader(tenant: "uk", model: "m-1", bake: "b-1", asOf: Self.asOf),
          parts: [.details, .neighbours, .bought])
        let products = try (0..<7).map { try writer.addCandidate(product: "p\($0)") }
        func channel(_ channel: Proto.SalesChannel) -> UInt32 { 1 << channel.rawValue }
        for (product, offer, details) in [
          ("p0", "late", CandidateDetails(availableFrom: Self.asOf + Self.hour)),
          ("p0", "push", CandidateDetails(channels: channel(.push))),
          ("p0", "pull", CandidateDetails(channels: channel(.pull))),
          ("p1", "soon-over", CandidateDetails(availableUntil: Self.asOf + Self.hour)),
        ] { _ = try writer.addCandidate(product: product, offer: offer, details: details) }
        func entries(_ products: [UInt32]) -> [RankedEntry] {
          products.enumerated().map { RankedEntry(candidate: $1, score: Float(10 - $0)) }
        }
        let bought = listsBought ? [products[1], products[4], products[5]] : [products[4], products[5]]
        try writer.add(customer: "ann", entries: entries(Array(products[0..<4])), bought: bought)
        try writer.setFallback(.overall, entries: entries([products[4], products[5], products[6]]))
        try writer.setNeighbours(of: 3, entries([products[4], products[6]]))
        try writer.finish()
        try write(Array("model".utf8), to: modelPath)
      })
    return Route.Arm(id: "a", model: "m-1", bake: "b-1", digest: digest, weight: 1_000_000)
  }

  private func route(
    _ arm: Ranking.Route.Arm, at time: Int64 = asOf, _ repurchase: Proto.Repurchase = .exclude, mode: Proto.Mode = .on
  ) -> Encoded<Proto.Route> {
    Encoded { draft in
      draft.tenant = "uk"
      draft.mode = mode
      draft.repurchase = repurchase
      draft.business_offset_us = time - Timestamp.wallClock().microseconds
      draft.list(\.n_arms, \.arms, of: [arm]) { draft, arm in
        draft.id = arm.id
        draft.model = arm.model
        draft.bake = arm.bake
        draft.manifest_digest = arm.digest?.description ?? ""
        draft.weight_ppm = arm.weight
      }
    }
  }

  private func ask(
    _ ranker: RunningRanker, limit: UInt32 = 4,
    _ more: @escaping (Draft<Proto.GetRecommendationsRequest>) -> Void = { _ in }
  ) async throws -> [String] {
    let channel = try ranker.channel(as: "platform-cli")
    let answer = try await channel.call(RankerService.getRecommendations) { request in
      request.tenant = "uk"
      request.customer = "ann"
      request.limit = limit
      more(request)
    }
    await channel.close()
    return answer.list(\.n_items, \.items).map { $0.offer.isEmpty ? $0.product : "\($0.product):\($0.offer)" }
  }

  @Test("each product is named once, under the first offer that holds now and is made through the channel, or as such")
  func channels() async throws {
    try await withRanker { bakery, control, ranker in
      let arm = try publish(bakery, listsBought: false)
      control.say(route(arm))
      try await eventually("it is served") { await ranker.bake() == "b-1" }
      try await #expect(ask(ranker) == ["p0:push", "p1:soon-over", "p2", "p3"])
      try await #expect(ask(ranker) { $0.channel = .push } == ["p0:push", "p1:soon-over", "p2", "p3"])
      try await #expect(ask(ranker) { $0.channel = .pull } == ["p0:pull", "p1:soon-over", "p2", "p3"])
      try await #expect(
        ask(ranker) { $0.strings(\.n_pin, \.pin, ["p1", "p6"]) } == ["p1:soon-over", "p6", "p0:push", "p2"])
      try await #expect(ask(ranker, limit: 2) { $0.strings(\.n_exclude, \.exclude, ["p0"]) } == ["p1:soon-over", "p2"])
      control.say(route(arm, at: Self.asOf + Self.hour))
      try await eventually("an hour later") { try await ask(ranker) == ["p0:late", "p1", "p2", "p3"] }
      let exported = try await export(ranker)
      #expect(exported.items == ["p0:late", "p1", "p2", "p3"] && !exported.isFrozen)
      try await #expect(export(ranker) { $0.channel = .pull }.items == exported.items)
      control.say(route(arm, mode: .frozen))
      try await eventually("it is frozen") { try await export(ranker).isFrozen }
      try await #expect(export(ranker) { $0.channel = .pull }.items == ["p0:pull", "p1:soon-over", "p2", "p3"])
    }
  }

  private func export(
    _ ranker: RunningRanker, _ more: @escaping (Draft<Proto.ExportRecommendationsRequest>) -> Void = { _ in }
  ) async throws -> (items: [String], isFrozen: Bool) {
    let channel = try ranker.channel(as: "platform-cli")
    let call = try await channel.stream(RankerService.exportRecommendations)
    try await call.send {
      $0.tenant = "uk"
      more($0)
    }
    try await call.finish()
    var result: (items: [String], isFrozen: Bool) = ([], false)
    for try await message in call.responses {
      for list in message.list(\.n_lists, \.lists) {
        result.items += list.list(\.n_items, \.items).map {
          $0.offer.isEmpty ? $0.product : "\($0.product):\($0.offer)"
        }
        result.isFrozen = list.frozen
      }
    }
    await channel.close()
    return result
  }

  @Test("in a call, products are ranked and not their offers, and each is named under the offer that fits")
  func session() async throws {
    try await withRanker { bakery, control, ranker in
      control.say(route(try publish(bakery, listsBought: false)))
      try await eventually("it is served") { await ranker.bake() == "b-1" }
      let items = try await ask(ranker, limit: 50) { request in
        request.channel = .pull
        request.message(\.context) { context in
          context.list(\.n_acts, \.acts, of: 0..<40) { act, _ in
            act.kind = .view
            act.product = "p3"
          }
        }
      }
      // p4 and p5 were bought; p6 is like p3.
      #expect(Set(items) == ["p0:pull", "p1:soon-over", "p2", "p3", "p6"] && items.count == 5)
    }
  }

  @Test(
    "what was bought is left out of pins, of what stands in, and of lists that have it; where it may be bought again, of none"
  )
  func bought() async throws {
    try await withRanker { bakery, control, ranker in
      let arm = try publish(bakery, listsBought: false)
      control.say(route(arm))
      try await eventually("it is served") { await ranker.bake() == "b-1" }
      let excluding: (Draft<Proto.GetRecommendationsRequest>) -> Void = { $0.strings(\.n_exclude, \.exclude, ["p2"]) }
      try await #expect(ask(ranker, excluding) == ["p0:push", "p1:soon-over", "p3", "p6"])
      try await #expect(ask(ranker, limit: 2) { $0.strings(\.n_pin, \.pin, ["p5"]) } == ["p0:push", "p1:soon-over"])
      control.say(route(arm, .allow))
      try await eventually("it may be bought again", within: .seconds(1)) {
        try await ask(ranker, excluding) == ["p0:push", "p1:soon-over", "p3", "p4"]
      }
      try await #expect(ask(ranker, limit: 2) { $0.strings(\.n_pin, \.pin, ["p5"]) } == ["p5", "p0:push"])
    }
  }

  @Test("lists that have what was bought are filtered from the moment at which the tenant wishes it")
  func wish() async throws {
    try await withRanker { bakery, control, ranker in
      let arm = try publish(bakery, listsBought: true)
      control.say(route(arm, .allow))
      try await eventually("it is served") { await ranker.bake() == "b-1" }
      try await #expect(ask(ranker) == ["p0:push", "p1:soon-over", "p2", "p3"])
      control.say(route(arm, .exclude))
      try await eventually("it is left out", within: .seconds(1)) {
        try await ask(ranker) == ["p0:push", "p2", "p3", "p6"]
      }
      try await #expect(export(ranker).items == ["p0:push", "p2", "p3", "p6"])
    }
  }
}
