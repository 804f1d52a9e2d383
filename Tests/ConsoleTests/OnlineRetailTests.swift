import Commerce
import Foundation
import Testing

@testable import Console

@Suite("Online Retail")
struct OnlineRetailTests {
  private static let tenants = [["United Kingdom", "uk", "GB"], ["EIRE", "eire", "IE"]]
  private static let services = [["POSTAGE", "postage"]]

  private static func read(_ lines: String...) throws -> OnlineRetail {
    let header = "timestamp,customer,product,quantity,unit_price,country"
    var chunks = [Array(([header] + lines).joined(separator: "\n").utf8)]
    return try OnlineRetail(
      lines: CSVReader { chunks.isEmpty ? [] : chunks.removeFirst() }, tenants: tenants, services: services)
  }

  @Test("lines become their country's purchases and returns, in pounds")
  func mapping() throws {
    let data = try Self.read(
      "2011-01-01T10:00:00Z,17850,\"CARD,pack/12\",8,2.75,United Kingdom", "2011-01-02T10:00:00Z,17850,MUG,-2,1.5,EIRE")
    #expect(data.shops.map(\.tenant.rawValue) == ["eire", "uk"])
    let purchase = try data.shops[1].event(of: data.shops[1].lines[0])
    #expect(purchase.kind == .purchase)
    #expect(purchase.customer.rawValue == "17850")
    #expect(purchase.product?.rawValue == "CARD,pack/12")
    #expect(purchase.quantity == 8)
    #expect(purchase.revenue?.description == "22.00 GBP")
    #expect(purchase.occurredAt.iso8601 == "2011-01-01T10:00:00Z")
    let giveBack = try data.shops[0].event(of: data.shops[0].lines[0])
    #expect(giveBack.kind == .return)
    #expect(giveBack.quantity == 2)
    #expect(giveBack.revenue?.description == "3.00 GBP")
    try purchase.validate()
    try giveBack.validate()
  }

  @Test("equal lines have ids of their own, the same at every reading")
  func repeats() throws {
    let line = "2011-01-01T10:00:00Z,1,MUG,1,1.5,EIRE"
    let ids = try Self.read(line, line, line).shops[0].lines.map(\.id)
    #expect(Set(ids).count == 3)
    #expect(try Self.read(line, line, line).shops[0].lines.map(\.id) == ids)
    let other = try Self.read("2011-01-01T10:00:00Z,2,MUG,1,1.5,EIRE", line).shops[0].lines.map(\.id)
    #expect(other[1] == ids[0])
    #expect(!ids.contains(other[0]))
  }

  @Test("what books a service is left out and counted")
  func services() throws {
    let data = try Self.read("2011-01-01T10:00:00Z,1,POSTAGE,1,18.0,EIRE", "2011-01-01T10:00:00Z,1,MUG,1,1.5,EIRE")
    #expect(data.serviceLines == 1)
    #expect(data.shops[0].products == ["MUG"])
  }

  @Test(
    "a line that is not understood is named",
    arguments: [
      "2011-01-01T10:00:00Z,1,MUG,1,1.5,Atlantis", "2011-01-01T10:00:00Z,1,MUG,0,1.5,EIRE",
      "2011-01-01T10:00:00Z,1,MUG,x,1.5,EIRE", "2011-01-01T10:00:00Z,1,MUG,1,1.5",
    ])
  func unknown(line: String) {
    let error = #expect(throws: ConsoleError.self) { try Self.read(line) }
    #expect(error?.description.contains("line 2") == true)
  }

  @Test("lines are cut by time, both ends as said")
  func cut() throws {
    let shop = try Self.read(
      "2011-01-01T00:00:00Z,1,A,1,1.0,EIRE", "2011-01-02T00:00:00Z,1,B,1,1.0,EIRE",
      "2011-01-03T00:00:00Z,1,C,1,1.0,EIRE"
    ).shops[0]
    let days = try ["2010-12-31", "2011-01-01", "2011-01-02", "2011-01-03"].map { try Timestamp(iso8601: $0) }
    #expect(shop.lines(after: days[0], through: days[1]).count == 1)
    #expect(shop.lines(after: days[1], through: days[3]).count == 2)
    #expect(shop.lines(after: days[3], through: days[0]).isEmpty)
    #expect(shop.lines(after: .epoch, through: days[3]).count == 3)
  }

  @Test("a price is the one that most lines were booked at, the lower of two as common")
  func prices() {
    var prices = PriceList()
    #expect(prices.price(of: 1) == nil)
    prices.note(product: 1, unitPence: 0)
    #expect(prices.price(of: 1) == nil)
    for pence: Int64 in [500, 300, 500, 300] { prices.note(product: 1, unitPence: pence) }
    #expect(prices.price(of: 1) == 300)
    prices.note(product: 1, unitPence: 500)
    #expect(prices.price(of: 1) == 500)
  }

  @Test("the data of the demo is all there: 37 countries, 5,309 repeats with ids of their own")
  func realData() async throws {
    let data = try await onThread { try OnlineRetail(folder: "\(sourceTree)/data/online-retail") }
    #expect(data.shops.count == 37)
    let lines = data.shops.flatMap(\.lines)
    #expect(lines.count + data.serviceLines == 406_829)
    #expect(Set(lines.map(\.id)).count == lines.count)
    // Services repeat too, so the repeats among the products are fewer.
    let repeats = lines.count { !$0.id.hasSuffix("-0") }
    #expect(repeats == 5_303)
    for shop in data.shops {
      #expect(shop.lines.indices.dropFirst().allSatisfy { shop.lines[$0 - 1].time <= shop.lines[$0].time })
    }
  }

  @Test("a file that xz does not understand is named")
  func notPacked() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x.xz", "not packed")
    let file = try XZFile(path: path)
    let error = #expect(throws: ConsoleError.self) { while try !file.next().isEmpty {} }
    #expect(error?.description.contains(path) == true)
    #expect(throws: ConsoleError.self) { _ = try XZFile(path: "\(folder.path)/absent.xz") }
  }
}
