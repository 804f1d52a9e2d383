import Commerce
import Foundation
import Messages
import NightjarClient
import RPC
import RankedLists
import Testing

@testable import Ranking

/// A small shop: ten products in three categories, lists for customers of two segments, factors in two dimensions.
private struct Shop {
  static let asOf: Int64 = 1_700_000_000_000_000
  static let day: Int64 = 86_400_000_000

  /// Publishes the shop's lists. `p0`, `p1`, … score 10, 9, …; `ann` (restaurants, north) and `bob` (schools) have lists of
  /// the first six, strangers of restaurants get `p6`, `p7`, of the south `p8`, others `p9`.
  static func bake(_ bakery: Bakery, _ bake: String = "b-1", parts: RankedListsParts = [.factors]) throws -> Route.Arm {
    let header = RankedListsHeader(tenant: "uk", model: "m-1", bake: bake, asOf: asOf)
    let digest = try bakery.store.publish(
      tenant: TenantID("uk"),
      manifest: { files in
        Encoded { draft in
          draft.format = 1
          draft.tenant = "uk"
          draft.model = "m-1"
          draft.bake = bake
          draft.as_of_us = asOf
          draft.strings(\.n_probes, \.probes, ["ann"])
          files.fill(draft)
        }
      },
      write: { path, modelPath in
        var writer = try RankedListsWriter(
          path: path, header: header, parts: parts.union([.details, .groups, .reasons, .bought]))
        let entries = try (0..<10).map { number in
          RankedEntry(
            candidate: try writer.addCandidate(product: "p\(number)", details: details(number)),
            score: Float(10 - number))
        }
        let reasons = [ListReason(.boughtWith, candidate: 7), ListReason(.popular), nil, nil, nil, nil]
        try writer.add(
          customer: "ann", entries: Array(entries[..<6]), reasons: reasons, segment: "restaurants", region: "north")
        try writer.add(customer: "bob", entries: Array(entries[..<6]), segment: "schools", bought: [9, 7])
        try writer.add(customer: "nobody", nothing: .betterWithout)
        try writer.setFallback(.segment("restaurants"), entries: Array(entries[6..<8]))
        try writer.setFallback(.region("south"), entries: [entries[8]])
        try writer.setFallback(.segment("industry=brewing"), entries: [entries[5]])
        try writer.setFallback(.segment("country=UK"), entries: [entries[4]])
        try writer.setFallback(.segment("born=1980s"), entries: [])
        try writer.setFallback(.overall, entries: [entries[9]])
        if parts.contains(.factors) { try writer.setFactors(factors) }
        if parts.contains(.neighbours) {
          try writer.setNeighbours(
            of: 3, [RankedEntry(candidate: 9, score: 0.9), RankedEntry(candidate: 8, score: 0.1)])
        }
        try writer.finish()
        try write(Array("model".utf8), to: modelPath)
      })
    return Route.Arm(id: "a", model: "m-1", bake: bake, digest: digest, weight: 1_000_000)
  }

  private static func details(_ number: Int) -> CandidateDetails {
    CandidateDetails(
      name: number == 0 ? "Red wine" : "",
      categories: ["goods", number < 3 ? "drinks" : number < 6 ? "food" : "tools"],
      channels: number == 2 ? 1 << Proto.SalesChannel.push.rawValue : 0, regions: number == 1 ? ["north"] : [],
      availableUntil: number == 5 ? asOf + day : nil)
  }

  /// The even and the odd products point to different sides.
  private static let factors = ItemFactors(
    dimensions: 2, regularization: 0.1, confidence: 10, gram: [5, 0, 0, 5],
    biases: (0..<10).map { Float(10 - $0) / 10 },
    vectors: (0..<10).flatMap { $0 % 2 == 0 ? [1, 0] : [0, 1] as [Float] })
}

extension RunningRanker {
  fileprivate func ask(
    _ customer: String, limit: UInt32 = 4, _ more: @escaping (Draft<Proto.GetRecommendationsRequest>) -> Void = { _ in }
  ) async throws -> View<Proto.GetRecommendationsResponse> {
    try await channel(as: "platform-cli").call(RankerService.getRecommendations) { request in
      request.tenant = "uk"
      request.customer = customer
      request.limit = limit
      more(request)
    }
  }
}

/// Wall clock, µs, at which the shop's business time is `time`.
private func offset(to time: Int64) -> Int64 { time - Timestamp.wallClock().microseconds }

@Suite("What a ranker chooses from a list", .serialized)
struct ChoosingTests {
  private func withShop(
    parts: RankedListsParts = [.factors], overlay: ((Draft<Proto.Overlay>) -> Void)? = nil, at time: Int64 = Shop.asOf,
    _ body: (RunningRanker) async throws -> Void
  ) async throws {
    try await withRanker { bakery, control, ranker in
      let digest = overlay.map { control.keep(Encoded<Proto.Overlay>($0)) } ?? ""
      control.say(
        route(arms: [try Shop.bake(bakery, parts: parts)], overlay: digest, businessOffset: offset(to: time)))
      try await eventually("the shop is served") { await ranker.bake() == "b-1" }
      try await body(ranker)
    }
  }

  @Test("a request's channel, region, exclusions and pins are heeded, and what is left out is refilled")
  func request() async throws {
    try await withShop { ranker in
      try await #expect(ranker.ask("ann").products == ["p0", "p1", "p2", "p3"])
      let excluded = try await ranker.ask("ann") { $0.strings(\.n_exclude, \.exclude, ["p0", "p3", "p77"]) }
      #expect(excluded.products == ["p1", "p2", "p4", "p5"] && excluded.refilled == 0 && excluded.outcome == .list)
      try await #expect(ranker.ask("ann") { $0.region = "south" }.products == ["p0", "p2", "p3", "p4"])
      try await #expect(ranker.ask("ann") { $0.channel = .pull }.products == ["p0", "p1", "p3", "p4"])
      try await #expect(ranker.ask("ann") { $0.channel = .push }.products == ["p0", "p1", "p2", "p3"])
      let pinned = try await ranker.ask("ann") { $0.strings(\.n_pin, \.pin, ["p8", "p2", "unknown"]) }
      #expect(pinned.products == ["p8", "p2", "p0", "p1"])
      #expect(pinned.list(\.n_items, \.items).map(\.pinned) == [true, true, false, false])
      // As many as there would be, from the segment's list.
      let long = try await ranker.ask("ann", limit: 50)
      #expect(long.products == ["p0", "p1", "p2", "p3", "p4", "p5"] && long.refilled == 0)
      let refilled = try await ranker.ask("ann", limit: 50) { $0.strings(\.n_exclude, \.exclude, ["p0"]) }
      #expect(refilled.products == ["p1", "p2", "p3", "p4", "p5", "p6"] && refilled.refilled == 1)
    }
  }

  @Test("strangers get their segment's list, else their region's, else everybody's")
  func strangers() async throws {
    try await withShop { ranker in
      let segment = try await ranker.ask("stranger") { $0.segment = "restaurants" }
      #expect(segment.products == ["p6", "p7"] && segment.outcome == .fallback && segment.fallback == .segment)
      let region = try await ranker.ask("stranger") { $0.region = "south" }
      #expect(region.products == ["p8"] && region.fallback == .region)
      let industry: (Draft<Proto.CustomerAttributes>) -> Void = {
        $0.industry = "brewing"
        $0.country = "UK"
        $0.birth_year = 1985
      }
      let brewer = try await ranker.ask("stranger") {
        $0.region = "south"
        $0.message(\.attributes, industry)
      }
      #expect(brewer.products == ["p5"] && brewer.fallback == .attributes && brewer.outcome == .fallback)
      let gap = try await ranker.ask("stranger") {
        $0.region = "south"
        $0.message(\.attributes, industry)
        $0.strings(\.n_exclude, \.exclude, ["p5"])
      }
      #expect(gap.products == ["p8"] && gap.refilled == 1)
      let member = try await ranker.ask("stranger") {
        $0.segment = "restaurants"
        $0.message(\.attributes, industry)
      }
      #expect(member.products == ["p6", "p7"] && member.fallback == .segment)
      let abroad = try await ranker.ask("stranger") { $0.message(\.attributes) { $0.country = "UK" } }
      #expect(abroad.products == ["p4"] && abroad.fallback == .attributes)
      // An empty list stands in for nobody.
      let young = try await ranker.ask("stranger") { $0.message(\.attributes) { $0.birth_year = 1985 } }
      #expect(young.products == ["p9"] && young.fallback == .unknownCustomer)
      let known = try await ranker.ask("ann") { $0.message(\.attributes, industry) }
      #expect(known.products == ["p0", "p1", "p2", "p3"] && known.fallback == .none)
      let refused = await #expect(throws: RPCError.self) {
        _ = try await ranker.ask("stranger") { $0.message(\.attributes) { $0.birth_year = 3 } }
      }
      #expect(refused?.violations.first?.field == "attributes.birth_year")
      let other = try await ranker.ask("stranger") { $0.segment = "no such" }
      #expect(other.products == ["p9"] && other.fallback == .unknownCustomer)
    }
  }

  @Test(
    "an answer says how likely its arm was, how old its list is, why nothing is recommended, and why each product is")
  func particulars() async throws {
    try await withShop(at: Shop.asOf + 90_500_000) { ranker in
      let answer = try await ranker.ask("ann") {
        $0.names = true
        $0.reasons = true
      }
      #expect(answer.propensity == 1 && (90...100).contains(answer.age_s))
      let items = Array(answer.list(\.n_items, \.items))
      #expect(items.map(\.name) == ["Red wine", "p1", "p2", "p3"])
      #expect(items.map(\.reason) == [.boughtWith, .popular, .none, .none] && items[0].because == "p7")
      try await #expect(ranker.ask("nobody").nothing == .betterWithout)
      let all = (0..<10).map { "p\($0)" }
      let none = try await ranker.ask("ann") { [all] in $0.strings(\.n_exclude, \.exclude, all) }
      #expect(none.outcome == .nothing && none.nothing == .ineligible && none.fallback == .none)
    }
  }

  @Test("what the file says of time is heeded without an overlay")
  func availability() async throws {
    try await withShop(at: Shop.asOf + Shop.day - 60_000_000) { ranker in
      try await #expect(ranker.ask("ann", limit: 6).products.last == "p5")
    }
    try await withShop(at: Shop.asOf + Shop.day) { ranker in
      try await #expect(ranker.ask("ann", limit: 6).products == ["p0", "p1", "p2", "p3", "p4", "p6"])
    }
  }

  @Test("an overlay withdraws, limits, blocks, and spreads over categories")
  func overlay() async throws {
    let overlay: (Draft<Proto.Overlay>) -> Void = { draft in
      draft.strings(\.n_withdrawn, \.withdrawn, ["p4", "unknown"])
      draft.list(\.n_products, \.products, of: ["p1", "p3"]) { rule, product in
        rule.product = product
        rule.available_until_us = product == "p3" ? Shop.asOf : 0
        rule.strings(\.n_regions, \.regions, product == "p1" ? ["west"] : [])
      }
      draft.list(\.n_blocks, \.blocks, of: [0, 1]) { block, index in
        if index == 0 { block.customer = "ann" } else { block.segment = "schools" }
        if index == 0 {
          block.strings(\.n_categories, \.categories, ["drinks"])
        } else {
          block.strings(\.n_products, \.products, ["p0"])
        }
      }
    }
    try await withShop(overlay: overlay) { ranker in
      try await #expect(ranker.ask("ann").products == ["p5", "p6", "p7", "p9"])
      // Everybody's list has only what bob has bought.
      try await #expect(ranker.ask("bob").products == ["p1", "p2", "p5"])
      try await #expect(ranker.ask("bob") { $0.region = "north" }.products == ["p2", "p5"])
      try await #expect(ranker.ask("stranger") { $0.segment = "schools" }.products == ["p9"])
      // A pin does not break a block.
      try await #expect(ranker.ask("ann") { $0.strings(\.n_pin, \.pin, ["p0"]) }.products == ["p5", "p6", "p7", "p9"])
      // A plain lookup is answered another way than one that asks for names, and the same.
      for customer in ["ann", "bob", "nobody", "stranger"] {
        for limit: UInt32 in 1...7 {
          let plain = try await ranker.ask(customer, limit: limit)
          let named = try await ranker.ask(customer, limit: limit) { $0.names = true }
          #expect(plain.products == named.products && plain.refilled == named.refilled)
          #expect(plain.outcome == named.outcome && plain.fallback == named.fallback)
        }
      }
    }
    let rules: (Draft<Proto.Overlay>) -> Void = { draft in
      draft.strings(\.n_withdrawn, \.withdrawn, ["p0"])
      draft.list(\.n_products, \.products, of: ["p1", "p2"]) { rule, product in
        rule.product = product
        rule.strings(\.n_regions, \.regions, [product == "p1" ? "west" : "north"])
      }
      draft.list(\.n_blocks, \.blocks, of: ["carl"]) { block, customer in
        block.customer = customer
        block.strings(\.n_products, \.products, ["p3"])
      }
    }
    try await withShop(overlay: rules) { ranker in
      // Ann is known to be in the north, bob nowhere.
      try await #expect(ranker.ask("ann", limit: 3).products == ["p2", "p3", "p4"])
      try await #expect(ranker.ask("bob", limit: 3).products == ["p1", "p2", "p3"])
    }
    let spread: (Draft<Proto.Overlay>) -> Void = { $0.maximum_per_category = 1 }
    try await withShop(overlay: spread) { ranker in
      try await #expect(ranker.ask("ann").products == ["p0", "p3", "p6"])
    }
  }

  @Test("what happens in the call ranks the whole catalogue, and what the customer has or rejects is left out")
  func session() async throws {
    func acts(_ acts: [(Proto.EventKind, String)]) -> (Draft<Proto.GetRecommendationsRequest>) -> Void {
      { request in
        request.message(\.context) { context in
          context.list(\.n_acts, \.acts, of: acts) { draft, act in
            draft.kind = act.0
            draft.product = act.1
          }
        }
      }
    }
    try await withShop { ranker in
      let odd = try await ranker.ask("ann", limit: 5, acts(Array(repeating: (.view, "p9"), count: 40)))
      let had = try await ranker.ask("bob", limit: 5, acts(Array(repeating: (.view, "p9"), count: 40)))
      #expect(
        had.products.prefix(3) == ["p1", "p3", "p5"] && !had.products.contains("p9") && !had.products.contains("p7"))
      #expect(odd.reranked && odd.outcome == .list && odd.products == ["p1", "p3", "p5", "p7", "p9"])
      let even = try await ranker.ask("ann", limit: 5, acts(Array(repeating: (.purchase, "p8"), count: 40)))
      #expect(even.products.prefix(4) == ["p0", "p2", "p4", "p6"] && !even.products.contains("p8"))
      let rejected = try await ranker.ask("ann", limit: 5, acts([(.reject, "p0"), (.view, "no such product")]))
      #expect(rejected.products == ["p1", "p2", "p3", "p4", "p5"])
      let tools = try await ranker.ask("stranger", limit: 3) { request in
        request.message(\.context) { $0.strings(\.n_categories, \.categories, ["tools"]) }
      }
      #expect(tools.products == ["p9", "p6", "p7"] && tools.outcome == .fallback)
      let refusal = await #expect(throws: RPCError.self) { _ = try await ranker.ask("ann", acts([(.rating, "p0")])) }
      #expect(refusal?.violations.first?.field == "context.acts[0].kind")
    }
    // What stands in for what may not be offered is nothing that the customer has or rejects either.
    let gone = (0..<6).map { "p\($0)" } + ["p8"]
    let few: (Draft<Proto.Overlay>) -> Void = { $0.strings(\.n_withdrawn, \.withdrawn, gone) }
    try await withShop(overlay: few) { ranker in
      let answer = try await ranker.ask("ann", acts([(.reject, "p6")]))
      #expect(answer.reranked && Set(answer.products) == ["p7", "p9"])
      let pinned = try await ranker.ask("ann") { request in
        acts([(.reject, "p6")])(request)
        request.strings(\.n_pin, \.pin, ["p6"])
      }
      #expect(pinned.products.first == "p6" && Set(pinned.products) == ["p6", "p7", "p9"])
    }
    try await withShop(parts: [.neighbours]) { ranker in
      let answer = try await ranker.ask("ann", limit: 3, acts(Array(repeating: (.view, "p3"), count: 50)))
      #expect(answer.reranked && answer.products.first == "p0" && answer.products.contains("p0"))
    }
    // Without anything to rank by, what was rejected is left out all the same.
    try await withShop(parts: []) { ranker in
      let answer = try await ranker.ask("ann", acts([(.view, "p5"), (.reject, "p0")]))
      #expect(answer.reranked && answer.products == ["p1", "p2", "p3", "p4"])
    }
  }

  private static let overLimits: [(field: String, build: @Sendable (Draft<Proto.GetRecommendationsRequest>) -> Void)] =
    [
      ("exclude", { $0.strings(\.n_exclude, \.exclude, (0...100).map { "x\($0)" }) }),
      ("exclude[0]", { $0.strings(\.n_exclude, \.exclude, [""]) }),
      ("pin", { $0.strings(\.n_pin, \.pin, (0...10).map { "x\($0)" }) }),
      ("region", { $0.region = String(repeating: "r", count: 65) }),
      ("segment", { $0.segment = String(repeating: "r", count: 65) }),
      ("channel", { $0.channel = Proto.SalesChannel(rawValue: 9) }),
      (
        "context.acts",
        { request in
          request.message(\.context) { context in
            context.list(\.n_acts, \.acts, of: 0...50) { act, _ in
              act.kind = .view
              act.product = "p"
            }
          }
        }
      ),
    ]

  @Test("a request over its limits is refused by the field")
  func limits() async throws {
    try await withShop { ranker in
      for (field, build) in Self.overLimits {
        let error = await #expect(throws: RPCError.self) { _ = try await ranker.ask("ann", build) }
        #expect(error?.code == .invalidArgument && error?.violations.first?.field == field)
      }
    }
  }

  @Test("a batch answers each customer in order, by the same rules")
  func batch() async throws {
    try await withShop { ranker in
      let channel = try ranker.channel(as: "platform-cli")
      let answers = try await channel.call(RankerService.batchGetRecommendations) { request in
        request.tenant = "uk"
        request.limit = 2
        request.names = true
        request.strings(\.n_customers, \.customers, ["bob", "nobody", "stranger", "ann"])
        request.strings(\.n_exclude, \.exclude, ["p1"])
      }
      let views = Array(answers.list(\.n_answers, \.answers))
      #expect(views.map(\.products) == [["p0", "p2"], [], ["p9"], ["p0", "p2"]])
      #expect(views.map(\.outcome) == [.list, .nothing, .fallback, .list])
      #expect(Set(views.map(\.recommendation_id)).count == 4)
      for customers in [[], (0...1_000).map { "c\($0)" }, ["ann", ""]] {
        let error = await #expect(throws: RPCError.self) {
          _ = try await channel.call(RankerService.batchGetRecommendations) { request in
            request.tenant = "uk"
            request.strings(\.n_customers, \.customers, customers)
          }
        }
        #expect(error?.violations.first?.field == (customers.count == 2 ? "customers[1]" : "customers"))
      }
      let foreign = try ranker.channel(as: "tenant-uk", serverName: "france.ranker.example")
      let refused = await #expect(throws: RPCError.self) {
        _ = try await foreign.call(RankerService.batchGetRecommendations) { request in
          request.tenant = "uk"
          request.strings(\.n_customers, \.customers, ["ann"])
        }
      }
      #expect(refused?.code == .permissionDenied)
    }
  }
}
