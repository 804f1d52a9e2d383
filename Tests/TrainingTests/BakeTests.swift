import ArtifactStore
import Foundation
import Learning
import Messages
import RankedLists
import Testing

@testable import Training

@Suite struct BakeTests {
  private func bake(_ night: Night, _ recipe: Recipe = .als, listsBought: Bool = false, in scratch: Scratch) throws
    -> Bake.Published
  {
    let model = try night.train(recipe)
    return try Bake(
      tenant: shop, trained: model, file: nil, model: "m-1", bake: "b-1", night: night, watermark: 9,
      listsBought: listsBought
    ).publish(to: scratch.store, .unwatched)
  }

  private func lists(_ published: Bake.Published, in scratch: Scratch) throws -> RankedLists {
    try RankedLists(
      path: scratch.store.path(tenant: shop, digest: published.digest, file: .lists), tenant: "shop", bake: "b-1")
  }

  @Test("every customer with a history gets products for sale that they have not bought, others the fallback")
  func everyCustomer() throws {
    let scratch = try Scratch()
    var tenant = SampleTenant()
    tenant.customers.append(("newcomer", ""))
    let night = try tenant.night()
    let published = try bake(night, in: scratch)
    let lists = try lists(published, in: scratch)
    #expect(lists.customerCount == 60 && published.customers == 60 && published.candidates == 38)
    for (id, _) in tenant.customers.dropLast() {
      let bought = Set(tenant.events.filter { $0.customer == id }.map(\.product))
      let list = try #require(lists.products(of: id))
      #expect(Set(list) == Set(tenant.products.map(\.id)).subtracting(bought).subtracting(["p-00", "p-01"]))
    }
    #expect(lists.products(of: "newcomer") == nil)
    let fallback = try #require(lists.products(for: .overall))
    #expect(fallback.count == 38)
    #expect(lists.products(for: .segment("trade")).map(Set.init) == Set(fallback))
    #expect(lists.products(for: .segment("unheard of")) == nil)
  }

  @Test("a list holds at most fifty entries, best first")
  func bestFirst() throws {
    let scratch = try Scratch()
    let night = try SampleTenant(products: 90).night()
    let lists = try lists(bake(night, in: scratch), in: scratch)
    for customer in night.data.customers {
      let scores = Array(customer.utf8).withUnsafeBytes { raw -> [Float] in
        guard let list = lists.lookup(raw) else { return [] }
        return (0..<list.count).map { list[$0].score }
      }
      #expect(scores.count == Limits.listLength && scores == scores.sorted(by: >))
    }
  }

  @Test("a list file holds what a ranker filters, explains and re-ranks by")
  func parts() throws {
    let scratch = try Scratch()
    let tenant = SampleTenant()
    let night = try tenant.night()
    let lists = try lists(bake(night, in: scratch), in: scratch)
    let products = (0..<UInt32(lists.candidateCount)).map { candidate in
      lists.candidate(candidate).product.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
    #expect((0..<lists.segments).map { lists.segmentName($0 + 1) } == night.data.segments.names)
    var explained = 0
    for (id, segment) in tenant.customers {
      let bought = Set(tenant.events.filter { $0.customer == id }.map(\.product))
      Array(id.utf8).withUnsafeBytes { raw in
        guard let list = lists.lookup(raw) else { return }
        var had: Set<String> = []
        lists.forEachBought(by: list) { had.insert(products[Int($0)]) }
        #expect(had == bought.intersection(products))
        let number = lists.segment(of: list)
        #expect((number == 0 ? "" : lists.segmentName(number)) == segment)
        for position in 0..<list.count {
          guard let reason = lists.reason(of: list, at: position), reason.kind == .boughtWith else { continue }
          explained += 1
          #expect(bought.contains(products[Int(reason.candidate)]))
        }
      }
    }
    #expect(explained > 0)
    try checkFactors(of: lists)
    var neighbours: [Float] = []
    lists.forEachNeighbour(of: 3) { neighbours.append($0.score) }
    #expect(
      !neighbours.isEmpty && neighbours == neighbours.sorted(by: >) && neighbours.allSatisfy { $0 > 0 && $0 < 1.001 })
    // Popularity's lists have neighbours, but no factors.
    let simple = try Scratch()
    let popular = try self.lists(bake(night, .popularity, in: simple), in: simple)
    #expect(popular.hasNeighbours)
    if popular.factors != nil { Issue.record("popularity has factors") }
  }

  @Test("a stack's file has what its best generator re-ranks by")
  func stackedParts() throws {
    let night = try SampleTenant().night()
    let scratch = try Scratch()
    try checkFactors(of: lists(bake(night, .stacked, in: scratch), in: scratch))
    let turned = Recipe(
      kind: .stack(Stacking(generators: [.neighbours, .als], trees: Recipe.nightlyTrees, sliceDays: 28)),
      trendHalfLifeDays: 7)
    let other = try Scratch()
    let lists = try lists(bake(night, turned, in: other), in: other)
    if lists.factors != nil { Issue.record("neighbours have factors") }
    var neighbours = 0
    lists.forEachNeighbour(of: 3) { _ in neighbours += 1 }
    #expect(neighbours > 0)
  }

  @Test("a stack's lists hold what was bought already where they may")
  func stackedRepurchase() throws {
    let tenant = SampleTenant(products: 90)
    let night = try tenant.night()
    let counts = try [false, true].map { listsBought in
      let scratch = try Scratch()
      let lists = try lists(bake(night, .stacked, listsBought: listsBought, in: scratch), in: scratch)
      return tenant.customers.reduce(0) { sum, customer in
        let bought = Set(tenant.events.filter { $0.customer == customer.id }.map(\.product))
        return sum + (lists.products(of: customer.id) ?? []).count { bought.contains($0) }
      }
    }
    #expect(counts[0] == 0 && counts[1] > 60)
  }

  private func checkFactors(of lists: RankedLists) throws {
    guard let factors = lists.factors else {
      Issue.record("there are no factors")
      return
    }
    let (f, count) = (factors.dimensions, lists.candidateCount)
    #expect(f == 64 && factors.biases.count == count && factors.vectors.count == count * f)
    for row in 0..<f {
      for column in 0..<row { #expect(factors.gram[row * f + column] == factors.gram[column * f + row]) }
    }
    // What sells best has the highest bias: the overall list is in the order of the biases.
    guard let best = lists.fallback(.overall) else { return }
    for place in 1..<best.count {
      #expect(factors.biases[Int(best[place].candidate)] <= factors.biases[Int(best[place - 1].candidate)])
    }
  }

  @Test("every customer's segment is in the file, also the small ones that have no list of their own")
  func smallSegments() throws {
    let scratch = try Scratch()
    var tenant = SampleTenant(customers: 80)
    for index in tenant.customers.indices { tenant.customers[index].1 = "s\(index)" }
    let night = try tenant.night()
    #expect(night.data.segments.names.count == Limits.segments)
    let lists = try lists(bake(night, .popularity, in: scratch), in: scratch)
    for (id, segment) in tenant.customers {
      Array(id.utf8).withUnsafeBytes { raw in
        guard let list = lists.lookup(raw) else { return }
        let number = lists.segment(of: list)
        #expect(number > 0 && lists.segmentName(number) == segment)
      }
    }
  }

  @Test("a customer for whom nothing is left is told so")
  func nothing() throws {
    let scratch = try Scratch()
    var tenant = SampleTenant()
    tenant.events += tenant.products.map { .init(customer: "c-00", product: $0.id, time: 1) }
    let lists = try lists(bake(tenant.night(), in: scratch), in: scratch)
    #expect(lists.products(of: "c-00") == [])
  }

  @Test("a tenant without products still bakes")
  func empty() throws {
    let scratch = try Scratch()
    let night = try SampleTenant(customers: 3, products: 0, purchases: 0).night()
    let published = try bake(night, .popularity, in: scratch)
    #expect(published.customers == 0 && published.candidates == 0)
    #expect(try lists(published, in: scratch).products(for: .overall) == nil)
  }

  @Test("the manifest says what was baked, by what, from what")
  func manifest() throws {
    let scratch = try Scratch()
    let published = try bake(SampleTenant().night(), in: scratch)
    let manifest = try scratch.store.verify(tenant: shop, digest: published.digest)
    #expect(manifest.tenant == "shop" && manifest.model == "m-1" && manifest.bake == "b-1")
    #expect(manifest.as_of_us == SampleTenant.asOf && manifest.watermark == 9 && manifest.data_floor == false)
    #expect(manifest.customers == 60 && manifest.candidates == 38)
    #expect(manifest.strings(\.n_probes, \.probes) == (0..<8).map { "c-0\($0)" })
  }

  @Test("the same build, snapshot and seed give the same artifact")
  func deterministic() throws {
    let digests = try (0..<2).map { _ in try bake(SampleTenant().night(), in: Scratch()).digest }
    #expect(digests[0] == digests[1])
  }

  @Test("a bake that is cancelled or cannot be written publishes nothing")
  func nothingHalf() async throws {
    let scratch = try Scratch()
    let night = try SampleTenant().night()
    let model = try night.train(.popularity)
    let bake = Bake(
      tenant: shop, trained: model, file: nil, model: "m-1",
      bake: "not a bake\u{0}", night: night, watermark: 9, listsBought: false)
    #expect(throws: (any Error).self) { try bake.publish(to: scratch.store, .unwatched) }
    let cancelled = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      _ = try Bake(
        tenant: shop, trained: model, file: nil, model: "m-1", bake: "b-1", night: night, watermark: 9,
        listsBought: false
      ).publish(to: scratch.store, .unwatched)
    }
    await #expect(throws: CancellationError.self) { try await cancelled.value }
    #expect(try scratch.store.artifacts(of: shop).isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(scratch.path)/store/shop").isEmpty)
  }
}
