import Foundation
import Testing

@testable import RankedLists

@Suite("What a file holds beside its lists")
struct PartsTests {
  private func open(_ sample: Sample, in scratch: Scratch) throws -> RankedLists {
    try sample.write(to: scratch.file("lists"), sortBufferRecords: 7)
    return try RankedLists.open(scratch.file("lists"))
  }

  @Test("everything comes back, and the lists with it", arguments: [1, 40, 301])
  func roundTrip(customers: Int) throws {
    let scratch = try Scratch()
    let sample = Sample(customers: customers, candidates: 30, entries: 9, seed: UInt64(customers), parts: .all)
    let lists = try open(sample, in: scratch)
    let beside = sample.beside
    for index in sample.candidates.indices {
      #expect(try #require(lists.copiedDetails(UInt32(index))).0 == beside.details[index])
      var neighbours: [RankedEntry] = []
      lists.forEachNeighbour(of: UInt32(index)) { neighbours.append($0) }
      #expect(neighbours == beside.neighbours[index])
    }
    for (index, expected) in sample.lists.enumerated() {
      #expect(lists.list(of: expected.customer)?.entries == expected.entries)
      Array(expected.customer.utf8).withUnsafeBytes { key in
        guard let list = lists.lookup(key) else {
          Issue.record("no list of \(expected.customer)")
          return
        }
        #expect(lists.segmentName(lists.segment(of: list)) == beside.groups[index].segment)
        #expect(lists.regionName(lists.region(of: list)) == beside.groups[index].region)
        #expect(lists.regionBytes(of: list).withUnsafeBytes { Array($0) } == Array(beside.groups[index].region.utf8))
        var bought: [UInt32] = []
        lists.forEachBought(by: list) { bought.append($0) }
        #expect(bought == beside.bought[index].sorted())
        for position in 0..<list.count {
          let reason = beside.reasons[index].isEmpty ? nil : beside.reasons[index][position]
          #expect(lists.reason(of: list, at: position) == reason)
        }
      }
    }
    let factors = try #require(beside.factors)
    #expect(lists.copiedFactors() == factors)
  }

  @Test("a candidate is found by its product, with all its offers; a stranger is not")
  func byProduct() throws {
    let scratch = try Scratch()
    let sample = Sample(customers: 3, candidates: 31, entries: 2, seed: 5, parts: .details)
    let lists = try open(sample, in: scratch)
    for product in Set(sample.candidates.map(\.product)) {
      let found = lists.places(of: Array(product.utf8)).map { Int(lists.candidate(at: $0)) }
      let expected = sample.candidates.indices.filter { sample.candidates[$0].product == product }
      #expect(found.sorted() == expected && sample.candidates[found[0]].offer == nil)
    }
    for stranger in ["", "product-", "product-00", "zzz"] { #expect(lists.places(of: Array(stranger.utf8)).isEmpty) }
  }

  @Test("one path of categories has one number, two have two")
  func categories() throws {
    let scratch = try Scratch()
    let sample = Sample(customers: 3, candidates: 12, entries: 2, seed: 5, parts: .details)
    let lists = try open(sample, in: scratch)
    let numbers = try (0..<UInt32(12)).map { try #require(lists.copiedDetails($0)).category }
    for one in 0..<12 {
      #expect((numbers[one] == 0) == sample.beside.details[one].categories.isEmpty)
      for other in 0..<12 {
        let areSame = sample.beside.details[one].categories == sample.beside.details[other].categories
        #expect((numbers[one] == numbers[other]) == areSame)
      }
    }
  }

  @Test("walked from place to place, every customer comes once")
  func walk() throws {
    let scratch = try Scratch()
    let sample = Sample(customers: 200, candidates: 9, entries: 4, seed: 6, parts: .groups)
    let lists = try open(sample, in: scratch)
    let walked = (0..<lists.customerCount).map { place in
      lists.withCustomer(at: place) { id, _ in id.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
    }
    #expect(walked.sorted() == sample.lists.map(\.customer).sorted())
  }

  @Test("a file with every part and nothing in it is a file")
  func empty() throws {
    let scratch = try Scratch()
    let header = RankedListsHeader(tenant: "uk", model: "m", bake: "b", asOf: 1)
    let parts: RankedListsParts = [.details, .groups, .neighbours, .reasons, .bought]
    try RankedListsWriter(path: scratch.path + "/lists", header: header, parts: parts).finish()
    let lists = try RankedLists(path: scratch.path + "/lists", tenant: "uk", bake: "b")
    #expect(lists.candidateCount == 0 && lists.customerCount == 0 && lists.hasNeighbours)
  }

  @Test("without the parts there is nothing to tell, and a reason's place is never a fallback's")
  func without() throws {
    let scratch = try Scratch()
    let lists = try open(Sample(customers: 4, candidates: 4, entries: 3, seed: 8), in: scratch)
    #expect(lists.copiedDetails(0) == nil && !lists.hasNeighbours && lists.segments == 0 && lists.regions == 0)
    #expect(lists.places(of: Array("product-0".utf8)).isEmpty)
    #expect(lists.copiedFactors() == nil)
    guard let list = lists.fallback(.overall) else {
      Issue.record("no fallback")
      return
    }
    let (reason, segment) = (lists.reason(of: list, at: 0), lists.segment(of: list))
    #expect(reason == nil && segment == 0)
  }

  @Test("texts that only look alike are kept apart: products, segments, fallbacks")
  func lookalikes() throws {
    let scratch = try Scratch()
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
    var writer = try RankedListsWriter(path: scratch.file("lists"), header: Sample.header, parts: [.details, .groups])
    for product in [composed, decomposed] { _ = try writer.addCandidate(product: product) }
    for (customer, segment) in [("a", composed), ("b", decomposed)] {
      try writer.add(customer: customer, nothing: .notPermitted, segment: segment)
    }
    for segment in [composed, decomposed] { try writer.setFallback(.segment(segment), entries: []) }
    try writer.finish()
    let lists = try RankedLists.open(scratch.file("lists"))
    #expect(lists.segments == 2 && lists.candidateCount == 2)
    #expect(lists.places(of: Array(composed.utf8)).count == 1)
    #expect(lists.list(for: .segment(composed)) != nil && lists.list(for: .segment(decomposed)) != nil)
  }
}
