import ArtifactStore
import Foundation
import Learning
import Messages
import RankedLists
import Testing

@testable import Training

@Suite("Offers, from the snapshot to the lists file")
struct OfferTests {
  private static let day = SampleTenant.day
  private static let asOf = SampleTenant.asOf

  private func bake(_ tenant: SampleTenant, listsBought: Bool = false, in scratch: Scratch) throws -> RankedLists {
    let night = try tenant.night()
    let published = try Bake(
      tenant: shop, trained: try night.train(.als), file: nil, model: "m-1", bake: "b-1", night: night, watermark: 9,
      listsBought: listsBought
    ).publish(to: scratch.store, .unwatched)
    let manifest = try scratch.store.verify(tenant: shop, digest: published.digest)
    #expect(manifest.lists_bought == listsBought)
    let lists = try RankedLists(
      path: scratch.store.path(tenant: shop, digest: published.digest, file: .lists), tenant: "shop", bake: "b-1")
    #expect(published.candidates == UInt64(lists.candidateCount))
    return lists
  }

  private func names(_ lists: RankedLists) -> [[String]] {
    (0..<UInt32(lists.candidateCount)).map { index in
      let candidate = lists.candidate(index)
      return [
        candidate.product.withUnsafeBytes { String(decoding: $0, as: UTF8.self) },
        candidate.offer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) },
      ]
    }
  }

  private func availability(_ lists: RankedLists, _ candidate: UInt32) -> [Int64] {
    guard let details = lists.details(candidate) else { return [] }
    return [details.availability.from, details.availability.until]
  }

  private static let tenant: SampleTenant = {
    var tenant = SampleTenant()
    tenant.offers = [
      .init(id: "o-late", product: "p-02", discount: 100_000, from: asOf + day, until: asOf + 2 * day),
      .init(id: "o-best", product: "p-02", discount: 300_000, channels: [.push]),
      .init(id: "o-b", product: "p-02", discount: 100_000),
      .init(id: "o-a", product: "p-02", discount: 100_000, channels: [.pull, .push]),
      .init(id: "o-over", product: "p-02", discount: 900_000, until: asOf),
      .init(id: "o-withdrawn", product: "p-00"),
      .init(id: "o-nothing", product: "nobody sells this"),
      .init(id: "o-other", product: "p-05"),
    ]
    return tenant
  }()

  @Test("offers that hold or are to hold stand behind all products, the greatest discount first, then the earliest end")
  func dictionary() throws {
    let scratch = try Scratch()
    let lists = try bake(Self.tenant, in: scratch)
    let names = names(lists)
    #expect(names.prefix(38).allSatisfy { $0[1].isEmpty })
    #expect(
      names.dropFirst(38) == [
        ["p-02", "o-best"], ["p-02", "o-late"], ["p-02", "o-a"], ["p-02", "o-b"], ["p-05", "o-other"],
      ])
    let channels = (38..<43).map { lists.details(UInt32($0))?.channels }
    #expect(channels == [1 << 1, 0, 1 << 1 | 1 << 2, 0, 0])
    #expect(availability(lists, 39) == [Self.asOf + Self.day, Self.asOf + 2 * Self.day])
    #expect(availability(lists, 41) == [.min, .max])
  }

  @Test("lists speak of products: an offer changes nobody's list, and has its product's vector")
  func lists() throws {
    let (with, without) = (try Scratch(), try Scratch())
    let offering = try bake(Self.tenant, in: with)
    let plain = try bake(SampleTenant(), in: without)
    for (customer, _) in Self.tenant.customers {
      #expect(offering.products(of: customer) == plain.products(of: customer))
    }
    #expect(offering.products(for: .overall) == plain.products(for: .overall))
    let names = names(offering)
    guard let factors = offering.factors else {
      Issue.record("there are no factors")
      return
    }
    let (biases, vectors) = (Array(factors.biases), Array(factors.vectors))
    let dimensions = factors.dimensions
    for offer in 38..<43 {
      let product = try #require(names.firstIndex { $0[0] == names[offer][0] })
      let own = vectors[offer * dimensions..<(offer + 1) * dimensions]
      let inherited = vectors[product * dimensions..<(product + 1) * dimensions]
      #expect(biases[offer] == biases[product])
      #expect(Array(own) == Array(inherited))
    }
  }

  @Test("of one product at most so many offers are kept, those to be named first")
  func limit() throws {
    let scratch = try Scratch()
    var tenant = SampleTenant()
    tenant.offers = (0..<Limits.offersEach + 5).map {
      .init(id: "o-\(100 + $0)", product: "p-02", discount: UInt32($0))
    }
    let offers = try names(bake(tenant, in: scratch)).filter { !$0[1].isEmpty }.map { $0[1] }
    #expect(offers == (5..<Limits.offersEach + 5).reversed().map { "o-\(100 + $0)" })
  }

  @Test("an offer through a channel that no build can name, or without an id, is refused")
  func hostile() throws {
    for offer in [
      SampleTenant.Offer(id: "o", product: "p-02", channels: [Proto.SalesChannel(rawValue: 32)]),
      SampleTenant.Offer(id: "o", product: "p-02", channels: [.unknown]), SampleTenant.Offer(id: "", product: "p-02"),
    ] {
      var tenant = SampleTenant()
      tenant.offers = [offer]
      #expect(throws: TrainingError.self) { _ = try tenant.data() }
    }
  }

  @Test("where the tenant wishes, lists hold what was bought; it is named as bought all the same")
  func bought() throws {
    let scratch = try Scratch()
    let tenant = SampleTenant()
    let lists = try bake(tenant, listsBought: true, in: scratch)
    for (id, _) in tenant.customers {
      let list = try #require(lists.products(of: id))
      #expect(Set(list) == Set(tenant.products.map(\.id)).subtracting(["p-00", "p-01"]))
      let had = Array(id.utf8).withUnsafeBytes { raw in
        var count = 0
        if let list = lists.lookup(raw) { lists.forEachBought(by: list) { _ in count += 1 } }
        return count
      }
      #expect(had > 0)
    }
  }
}
