import ArtifactStore
import Learning
import Messages
import RankedLists
import Testing

@testable import Training

@Suite("Lists for customers who share an attribute")
struct AttributeTests {
  private func columns(_ customers: [(Draft<Proto.Customer>) -> Void]) throws -> [CustomerSegments] {
    var columns = AttributeColumns()
    for (number, build) in customers.enumerated() {
      try columns.add(try Encoded<Proto.Customer>(build).decode(), Int32(number))
    }
    // Numbers in the stream and places differ: the last comes first.
    return columns.segments(rank: customers.indices.map { Int32(customers.count - 1 - $0) })
  }

  @Test("values that enough customers share are groups, the most frequent first where there are too many")
  func values() throws {
    let least = Limits.attributeCustomers
    let builds: [(Draft<Proto.Customer>) -> Void] = (0..<2 * least + 3).map { number in
      { draft in
        draft.industry = number < least ? "brewing" : number < 2 * least ? "hotels" : "rare"
        draft.birth_year = 1980 + UInt32(number % 10)
      }
    }
    let found = try columns(builds)
    #expect(found.map(\.names) == [["born=1980s"], ["industry=brewing", "industry=hotels"]])
    #expect(found[0].ofCustomer.allSatisfy { $0 == 0 })
    let industries = found[1].ofCustomer.reversed()
    #expect(Array(industries) == (0..<2 * least + 3).map { $0 < least ? 0 : $0 < 2 * least ? 1 : -1 })
    let many: [(Draft<Proto.Customer>) -> Void] = (0..<(Limits.attributeValues + 3) * least + 1).map { number in
      { $0.country = "c\(100 + number % (Limits.attributeValues + 3))" }
    }
    let countries = try columns(many)
    #expect(countries.count == 1 && countries[0].names.count == Limits.attributeValues)
    // The first of them has one customer more, the rest go by name.
    #expect(countries[0].names == (0..<Limits.attributeValues).map { "country=c\(100 + $0)" })
  }

  @Test("an attribute that everybody has his own value of says nothing, and costs nothing from then on")
  func freeForm() throws {
    let builds: [(Draft<Proto.Customer>) -> Void] = (0..<5_000).map { number in
      { draft in
        draft.list(\.n_attributes, \.attributes, of: ["mail", "size"]) { attribute, key in
          attribute.key = key
          attribute.value_case = .text
          attribute.text = key == "mail" ? "somebody-\(number < 4_900 ? number : 1)" : "large"
        }
      }
    }
    #expect(try columns(builds).map(\.names) == [["@size=large"]])
  }

  @Test("the lists file has popularity's list of each group, under the name of attribute and value")
  func bake() throws {
    let scratch = try Scratch()
    var tenant = SampleTenant()
    tenant.industries = { $0 % 2 == 0 ? "brewing" : "" }
    let night = try tenant.night()
    #expect(night.data.attributes.map(\.names) == [["industry=brewing"]])
    let published = try Bake(
      tenant: shop, trained: try night.train(.popularity), file: nil, model: "m-1", bake: "b-1", night: night,
      watermark: 9, listsBought: false
    ).publish(to: scratch.store, .unwatched)
    let lists = try RankedLists(
      path: scratch.store.path(tenant: shop, digest: published.digest, file: .lists), tenant: "shop", bake: "b-1")
    let brewing = try #require(lists.products(for: .segment("industry=brewing")))
    let overall = try #require(lists.products(for: .overall))
    // Customers of even numbers buy even products.
    #expect(Set(brewing) == Set(overall) && brewing != overall)
    func even(_ list: [String]) -> Int { list.prefix(10).count { Int($0.suffix(2)).map { $0 % 2 == 0 } == true } }
    #expect(even(brewing) > even(overall))
  }

  @Test("values that only look alike are one group, under the spelling that came first")
  func lookalikes() throws {
    let builds: [(Draft<Proto.Customer>) -> Void] = (0..<2 * Limits.attributeCustomers).map { number in
      { $0.country = number % 2 == 0 ? "caf\u{E9}" : "cafe\u{301}" }
    }
    let found = try #require(try columns(builds).first)
    #expect(found.names.map { Array($0.utf8) } == [Array("country=caf\u{E9}".utf8)])
    #expect(found.ofCustomer.allSatisfy { $0 == 0 })
  }

  @Test("groups that have one name, however it comes about, have one list")
  func sameNames() throws {
    let scratch = try Scratch()
    var tenant = SampleTenant()
    tenant.industries = { $0 % 2 == 0 ? "caf\u{E9}" : "cafe\u{301}" }
    tenant.attributes = { $0 % 2 == 0 ? ["a": "b=c"] : ["a=b": "c"] }
    let night = try tenant.night()
    let published = try Bake(
      tenant: shop, trained: try night.train(.popularity), file: nil, model: "m-1", bake: "b-1", night: night,
      watermark: 9, listsBought: false
    ).publish(to: scratch.store, .unwatched)
    let lists = try RankedLists(
      path: scratch.store.path(tenant: shop, digest: published.digest, file: .lists), tenant: "shop", bake: "b-1")
    for name in ["industry=caf\u{E9}", "@a=b=c"] { #expect(lists.products(for: .segment(name)) != nil) }
  }
}
