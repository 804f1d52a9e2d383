import Commerce
import Foundation
import Messages
import RPC
import Testing

@testable import Ingest

@Suite("Ingest: hostile rows and damaged databases")
struct HostileTests {
  private let composed = "caf\u{e9}"
  private let decomposed = "cafe\u{301}"

  @Test("ids that only look alike are kept apart, before and after a restart")
  func lookalikes() async throws {
    let scratch = try Scratch()
    let customers = Rows.customers([try Make.customer(composed), try Make.customer(decomposed)])
    let events = Rows.events([
      try Make.event(composed, customer: composed), try Make.event(decomposed, customer: decomposed),
    ])
    for start in 0..<2 {
      let intake = try scratch.intake()
      let verdict: RowVerdict = start == 0 ? .accepted : .duplicate
      #expect(try await intake.write(customers).verdicts == [verdict, verdict])
      #expect(try await intake.write(events).verdicts == [verdict, verdict])
      let state = try await intake.state()
      #expect(state.customers == 2 && state.events == 2)
      let chunks = try await intake.snapshot(SnapshotRange(asOf: Make.noon, watermark: state.sequence))
      let ids = try chunks.flatMap { try $0.decode().events?.strings(\.n_customer_ids, \.customer_ids) ?? [] }
      #expect(ids.map { Array($0.utf8) } == [Array(composed.utf8), Array(decomposed.utf8)])
      intake.close()
    }
  }

  @Test("a row at the edges of what is valid comes back from the log as it went in")
  func edges() async throws {
    var product = try Make.product("p1")
    product.attributes = ["empty": .text(""), "zero": .number(0), "off": .flag(false), "least": .number(-.zero)]
    product.price = Money(minorUnits: .max, currency: try Currency("JPY"))
    product.margin = Money(minorUnits: .min, currency: try Currency("JPY"))
    product.availableFrom = Timestamp.admitted.lowerBound
    product.availableUntil = Timestamp.admitted.upperBound
    product.categoryPath = ["", ""]
    var customer = try Make.customer("c1")
    customer.permissions = []
    var event = try Make.event("e1", quantity: Limits.quantity)
    event.revenue = Money(minorUnits: .max, currency: try Currency("GBP"))
    event.margin = Money(minorUnits: .min, currency: try Currency("GBP"))
    for rows in [Rows.products([product]), .customers([customer]), .events([event])] {
      let payload = rows.payload(tenant: Make.uk)
      let record = LogRecord(tenant: Make.uk, kind: rows.kind, receivedAt: Make.noon, payload: payload)
      #expect(try Rows(record).payload(tenant: Make.uk) == payload)
      #expect(try Rows(record).count == 1)
    }
  }

  @Test("a tenant whose database file is damaged is told so; the others go on")
  func damagedDatabase() async throws {
    let scratch = try Scratch()
    do {
      let intake = try scratch.intake()
      _ = try await intake.write(.events([try Make.event("e1")]))
      intake.close()
    }
    try scratch.write(Array(repeating: UInt8(0xa5), count: 8_192), to: "data/tenants/uk.sqlite")
    let again = try scratch.intake()
    await #expect {
      try await again.state()
    } throws: {
      RPCError($0, .silent).code == .dataLoss
    }
    #expect(try await again.write(.events([try Make.event("e1")]), tenant: Make.fr).verdicts == [.accepted])
    again.close()
  }
}
