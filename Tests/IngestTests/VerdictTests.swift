import Commerce
import Foundation
import Messages
import Testing

import struct Operations.StartError

@testable import Ingest

@Suite("Ingest: verdicts")
struct VerdictTests {
  let scratch: Scratch
  let intake: Intake

  init() throws {
    scratch = try Scratch()
    intake = try scratch.intake()
  }

  @Test("a row is accepted once and a duplicate after that, also within one batch")
  func duplicates() async throws {
    let (one, two) = (try Make.event("e1"), try Make.event("e2"))
    let first = try await intake.write(.events([one, two, one]))
    #expect(first.verdicts == [.accepted, .accepted, .duplicate])
    #expect(first.sequence == 2)
    let second = try await intake.write(.events([two, one]))
    #expect(second.verdicts == [.duplicate, .duplicate])
    #expect(second.sequence == 2)
  }

  static let changes: [(field: String, change: @Sendable (inout Event) throws -> Void)] = [
    ("product", { $0.product = try ProductID("p2") }),
    ("offer", { $0.offer = try OfferID("o1") }),
    ("quantity", { $0.quantity = 2 }),
    ("revenue", { $0.revenue = Money(minorUnits: 251, currency: try Currency("GBP")) }),
    ("revenue", { $0.revenue = Money(minorUnits: 250, currency: try Currency("EUR")) }),
    ("revenue", { $0.revenue = nil }),
    ("margin", { $0.margin = Money(minorUnits: -1, currency: try Currency("GBP")) }),
    ("channel", { $0.channel = .push }),
    ("salesperson", { $0.salesperson = try SalespersonID("s1") }),
    ("recommendation_id", { $0.recommendation = try RecommendationID("r1") }),
  ]

  @Test("the same id with other content is rejected, and the field that differs is named", arguments: 0..<changes.count)
  func otherContent(index: Int) async throws {
    let original = try Make.event("e1")
    var changed = original
    try Self.changes[index].change(&changed)
    let outcome = try await intake.write(.events([original, changed]))
    let rejection = RowVerdict.rejected(
      InvalidField(
        field: "id",
        reason: "'e1' was recorded with another \(Self.changes[index].field); an event cannot be changed"))
    #expect(outcome.verdicts == [.accepted, rejection])
    #expect(try await intake.write(.events([changed, original])).verdicts == [rejection, .duplicate])
    #expect(try await intake.state().events == 1)
  }

  @Test("every field of an event is kept: an event equal to the stored one is a duplicate")
  func wholeEvents() async throws {
    let gbp = try Currency("GBP")
    var purchase = try Make.event("e1")
    purchase.offer = try OfferID("o1")
    purchase.margin = Money(minorUnits: -5, currency: gbp)
    purchase.channel = .pull
    purchase.salesperson = try SalespersonID("s1")
    purchase.recommendation = try RecommendationID("r1")
    var search = Event(
      id: try EventID("e2"), kind: .search, customer: try CustomerID("Ünïcode 漢字"), occurredAt: Make.noon)
    search.query = "tea cosy"
    var rating = Event(
      id: try EventID("e3"), kind: .rating, customer: try CustomerID("c1"), occurredAt: Timestamp(microseconds: 1))
    rating.product = try ProductID("p1")
    rating.rating = 4.5
    let events = [purchase, search, rating]
    #expect(try await intake.write(.events(events)).verdicts == [.accepted, .accepted, .accepted])
    #expect(try await intake.write(.events(events)).verdicts == [.duplicate, .duplicate, .duplicate])
  }

  @Test("an equal version changes nothing, another one is a new version with a sequence of its own")
  func versions() async throws {
    let rows = Rows.customers([
      try Make.customer("c1"), try Make.customer("c2"), try Make.customer("c1", country: "FR"),
    ])
    #expect(try await intake.write(rows).verdicts == [.accepted, .accepted, .accepted])
    let again = Rows.customers([try Make.customer("c1", country: "FR"), try Make.customer("c1")])
    let outcome = try await intake.write(again)
    #expect(outcome.verdicts == [.duplicate, .accepted])
    #expect(outcome.sequence == 4)
    _ = try await intake.write(.products([try Make.product("p1")]))
    _ = try await intake.write(.offers([try Make.offer("o1", product: "p1")]))
    let state = try await intake.state()
    #expect(state.customers == 2 && state.products == 1 && state.offers == 1 && state.sequence == 6)
  }

  @Test("tenants share a log and nothing else")
  func tenants() async throws {
    let event = try Make.event("e1")
    #expect(try await intake.write(.events([event]), tenant: Make.uk).verdicts == [.accepted])
    #expect(try await intake.write(.events([event]), tenant: Make.fr).verdicts == [.accepted])
    #expect(try await intake.state(Make.fr).sequence == 1)
  }

  @Test("what is known of a tenant follows its rows")
  func description() async throws {
    #expect(try await intake.state() == TenantState())
    let early = Make.noon.adding(days: -3)
    var event = Event(id: try EventID("e2"), kind: .view, customer: try CustomerID("c1"), occurredAt: early)
    event.product = try ProductID("p1")
    _ = try await intake.write(.events([try Make.event("e1"), event]), at: Make.noon.adding(days: 1))
    let state = try await intake.state()
    #expect(state.firstEvent == early && state.lastEvent == Make.noon && state.events == 2)
    #expect(state.lastReceived == Make.noon.adding(days: 1))
  }

  @Test("files and folders are their owner's only")
  func permissions() async throws {
    _ = try await intake.write(.events([try Make.event("e1")]))
    for (name, mode) in [
      ("data", 0o700), ("data/log", 0o700), ("data/tenants", 0o700), ("data/tenants/uk.sqlite", 0o600),
      ("data/tenants/uk.sqlite-wal", 0o600), ("data/log/0000000001.log", 0o600),
    ] {
      let attributes = try FileManager.default.attributesOfItem(atPath: scratch.file(name))
      #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == mode, "\(name)")
    }
  }

  @Test("a folder belongs to one process at a time")
  func claim() throws {
    #expect(throws: StartError.self) { try scratch.intake() }
  }
}
