import Commerce
import Messages
import NightjarClient
import RPC
import Testing

@Suite("Offers and repeated purchases, over real processes", .serialized, .timeLimit(.minutes(5)))
struct OfferTests {
  private func withShop(
    _ body: (_ control: Channel, _ ingest: Channel, _ ranker: Channel) async throws -> Void
  ) async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      try await cluster.startTrainer("node-1")
      let control = try cluster.channel(.control, as: "admin-cli")
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      try await Shop.small.open("small", control: control, ingest: ingest)
      try await body(control, ingest, try cluster.channel(.ranker, as: "platform-cli"))
    }
  }

  /// Runs a night and waits until its bake is served.
  private func serve(_ asOf: Int64, _ control: Channel, _ ranker: Channel) async throws {
    let bake = try await night(asOf, control).list(\.n_work, \.work)[0].activated_bake
    try await eventually("bake \(bake)") { (try? await recommend("small", "c1", ranker))?.bake == bake }
  }

  private func items(_ channel: Proto.SalesChannel, _ ranker: Channel) async throws -> [[String]] {
    try await ranker.call(RankerService.getRecommendations) { request in
      request.tenant = "small"
      request.customer = "c1"
      request.limit = 50
      request.channel = channel
    }.list(\.n_items, \.items).map { [$0.product, $0.offer] }
  }

  @Test("an imported offer is named after the next night, through its channel and in its time")
  func offers() async throws {
    try await withShop { control, ingest, ranker in
      try await serve(Shop.asOf, control, ranker)
      let plain = try await items(.unknown, ranker)
      #expect(plain.allSatisfy { $0[1].isEmpty } && plain.count >= 3)
      let (first, second) = (plain[0][0], plain[1][0])
      let written = try await ingest.call(IngestService.upsertOffers) { request in
        request.tenant = "small"
        let offers: [(id: String, product: String, channels: [Proto.SalesChannel], until: Int64)] = [
          ("spring-mail", first, [.push], 0), ("counter", first, [.pull], 0), ("everywhere", second, [], 0),
          ("past", second, [], Shop.asOf + 2 * Shop.day),
        ]
        request.list(\.n_offers, \.offers, of: offers) { draft, offer in
          draft.id = offer.id
          draft.product = offer.product
          draft.scalars(\.n_channels, \.channels, offer.channels)
          draft.valid_until_us = offer.until
          // It would come first if it still held: the wall clock is past it, the night is not.
          draft.discount_ppm = offer.id == "past" ? 500_000 : 100_000
        }
      }
      #expect(written.judgedRows == 4)
      try await serve(Shop.asOf + Shop.day, control, ranker)
      for (channel, offer) in [(Proto.SalesChannel.push, "spring-mail"), (.pull, "counter")] {
        let offered = try await items(channel, ranker)
        #expect(offered.contains([first, offer]) && offered.contains([second, "everywhere"]))
        #expect(Set(offered.map { $0[0] }).count == offered.count)
        #expect(offered.count { !$0[1].isEmpty } == 2)
      }
    }
  }

  @Test(
    "a tenant that sells things again and again gets them listed from the next night, and not a second longer than it wants"
  )
  func repurchase() async throws {
    try await withShop { control, _, ranker in
      try await serve(Shop.asOf, control, ranker)
      let bought = Set(Shop.small.purchases().filter { $0.customer == "c1" }.map(\.product))
      func listed() async throws -> Set<String> { Set(try await items(.unknown, ranker).map { $0[0] }) }
      func wish(_ repurchase: Proto.Repurchase) async throws {
        _ = try await control.call(ControlService.setRepurchase) { request in
          request.tenant = "small"
          request.repurchase = repurchase
        }
      }
      #expect(try await listed().isDisjoint(with: bought))
      try await wish(.allow)
      try await serve(Shop.asOf + Shop.day, control, ranker)
      #expect(try await listed().isSuperset(of: bought))
      try await wish(.exclude)
      try await eventually("they are left out", within: .seconds(1)) { try await listed().isDisjoint(with: bought) }
      try await serve(Shop.asOf + 2 * Shop.day, control, ranker)
      #expect(try await listed().isDisjoint(with: bought))
    }
  }
}
