import Commerce
import Testing

@testable import Console

@Suite("the scoreboard")
struct ScoreboardTests {
  /// A shop in which customer `c` bought product `p` on a day of 2011.
  private func scoreboard(_ purchases: [(day: String, customer: String, product: String)]) throws -> (
    Scoreboard, OnlineRetail.Shop
  ) {
    let lines = purchases.map { "2011-\($0.day)T00:00:00Z,\($0.customer),\($0.product),1,1.0,EIRE" }
    var chunks = [
      Array((["timestamp,customer,product,quantity,unit_price,country"] + lines).joined(separator: "\n").utf8)
    ]
    let data = try OnlineRetail(
      lines: CSVReader { chunks.isEmpty ? [] : chunks.removeFirst() }, tenants: [["EIRE", "eire", "IE"]], services: [])
    return (Scoreboard(data.shops[0]), data.shops[0])
  }

  @Test("counts first purchases in the window, neither earlier ones nor later ones nor repeats")
  func counts() throws {
    var (board, shop) = try scoreboard([
      ("01-01", "a", "mug"), ("01-01", "b", "mug"), ("01-01", "c", "mug"), ("01-01", "d", "cup"),
      ("01-20", "a", "cup"),  // first, in the window
      ("01-20", "b", "mug"),  // a repeat
      ("03-20", "c", "cup"),  // first, after the window
      ("01-30", "d", "mug"),  // first, in the window
      ("01-25", "e", "mug"),  // a customer of tomorrow
    ])
    let asOf = try Timestamp(iso8601: "2011-01-10")
    let customers = board.customers(at: asOf)
    #expect(customers.map { shop.customers[Int($0)] } == ["a", "b", "c", "d"])
    let index = { (name: String) in Int32(shop.products.firstIndex(of: name) ?? -1) }
    // Customer a's list hits, d's does not; popularity gives a the cup and d the mug, which are both right.
    board.judge(
      [customers[0]: [index("cup")], customers[1]: [index("cup")], customers[2]: [index("cup")], customers[3]: [-1]],
      asOf: asOf)
    #expect(board.tally.customers == [customers[0], customers[3]])
    #expect(board.tally.lists == 2)
    #expect(board.tally.hits == 1)
    #expect(board.tally.popularHits == 2)
    #expect(board.tally.hitRate == 0.5)
  }

  @Test("counts nobody who had no list")
  func withoutList() throws {
    var (board, _) = try scoreboard([("01-01", "a", "mug"), ("01-20", "a", "cup")])
    board.judge([:], asOf: try Timestamp(iso8601: "2011-01-10"))
    #expect(board.tally == Scoreboard.Tally())
    #expect(board.tally.hitRate == nil)
  }

  @Test("counts a purchase at the very end of the window and not one at its very beginning")
  func ends() throws {
    var (board, _) = try scoreboard([
      ("01-01", "a", "mug"), ("01-10", "a", "cup"), ("02-07", "a", "jar"), ("02-08", "a", "pot"),
    ])
    let asOf = try Timestamp(iso8601: "2011-01-10")
    for product: Int32 in 0..<4 { board.judge([0: [product]], asOf: asOf) }
    #expect(board.tally.lists == 4)
    #expect(board.tally.hits == 1)
    #expect(board.tally.customers == [0])
  }
}
