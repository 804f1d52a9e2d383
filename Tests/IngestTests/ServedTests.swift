import Commerce
import Foundation
import Messages
import Testing

@testable import Ingest

@Suite("Ingest: what rankers have served")
struct ServedTests {
  let scratch: Scratch
  let intake: Intake

  init() throws {
    scratch = try Scratch()
    intake = try scratch.intake()
  }

  static let id = "0123456789abcdef00000000000000"

  /// A record as a ranker sends it.
  static func record(
    _ id: String, customer: String = "c1", products: [String] = ["p1", "p2"], pinned: [String] = [],
    isNamed: Bool = false,
    _ change: (Draft<Proto.ServedRecord>, Draft<Proto.GetRecommendationsResponse>) -> Void = { _, _ in }
  ) throws -> ServedAnswer {
    let encoded = Encoded<Proto.ServedRecord> { record in
      record.customer = customer
      record.served_at_us = Make.noon.microseconds + 1
      record.occurred_at_us = Make.noon.microseconds
      record.channel = .pull
      record.strings(\.n_pinned, \.pinned, pinned)
      record.strings(\.n_excluded, \.excluded, ["never"])
      record.named = isNamed
      record.answer =
        Encoded<Proto.GetRecommendationsResponse> { answer in
          answer.outcome = .list
          answer.list(\.n_items, \.items, of: products) { item, product in
            item.product = product
            item.score = 0.5
            item.name = "left out"
            item.reason = .popular
          }
          answer.recommendation_id = id
          answer.model = "als-7"
          answer.bake = "als-7.12"
          answer.arm = "live"
          answer.propensity = 0.25
          answer.frozen = true
          change(record, answer)
        }.bytes
    }
    return try ServedAnswer(validating: encoded.decode())
  }

  private func resolve(
    _ id: String, tenant: TenantID = Make.uk, in intake: Intake? = nil
  ) async throws -> View<Proto.ResolveRecommendationResponse>? {
    let id = try #require(ServedID(id))
    let found = try await (intake ?? self.intake).read(tenant) { store in
      try store.read { try ServedRow.resolve(id, $0) }
    }
    return try found??.decode()
  }

  @Test("an answer resolves to its customer, bake, arm, propensity, items in order and times; names are not kept")
  func resolved() async throws {
    let outcome = try await intake.write(.served([try Self.record(Self.id + "01", pinned: ["p1"])]))
    #expect(outcome.verdicts == [.accepted])
    let served = try #require(try await resolve(Self.id + "01"))
    #expect(served.customer == "c1" && served.channel == .pull)
    #expect(served.served_at_us == Make.noon.microseconds + 1 && served.occurred_at_us == Make.noon.microseconds)
    #expect(served.strings(\.n_pinned, \.pinned) == ["p1"] && served.strings(\.n_excluded, \.excluded) == ["never"])
    let answer = try #require(served.answer)
    #expect(answer.model == "als-7" && answer.bake == "als-7.12" && answer.arm == "live" && answer.propensity == 0.25)
    #expect(answer.recommendation_id == Self.id + "01" && answer.outcome == .list && answer.frozen)
    let items = answer.list(\.n_items, \.items)
    #expect(items.map(\.product) == ["p1", "p2"] && items.map(\.score) == [0.5, 0.5])
    #expect(items.allSatisfy { $0.name.isEmpty && $0.reason == .none })
    #expect(try await resolve(Self.id + "02") == nil)
    #expect(try await resolve(Self.id + "01", tenant: Make.fr) == nil)
  }

  @Test("it counts once however often it is sent, also after a restart and from the log")
  func once() async throws {
    let records = try (10..<40).map { try Self.record(Self.id + "\($0)") }
    let scratch = try Scratch()
    do {
      let intake = try scratch.intake()
      #expect(try await intake.write(.served(records)).verdicts.allSatisfy { $0 == .accepted })
      #expect(try await intake.write(.served(records.reversed())).verdicts.allSatisfy { $0 == .duplicate })
      #expect(try await intake.state().served == 30)
      intake.close()
    }
    // The databases are made again from the log.
    try FileManager.default.removeItem(atPath: scratch.file("data/tenants"))
    let again = try scratch.intake()
    #expect(try await again.write(.served(records)).verdicts.allSatisfy { $0 == .duplicate })
    #expect(try await again.state().served == 30)
    #expect(try await resolve(Self.id + "39", in: again)?.answer?.bake == "als-7.12")
    again.close()
  }

  @Test("attempts at one call count once, and each that was answered otherwise resolves to its own answer")
  func attempts() async throws {
    let first = try Self.record(Self.id + "01", isNamed: true)
    let second = try Self.record(Self.id + "02", products: ["p3"], isNamed: true)
    #expect(try await intake.write(.served([first, second, first])).verdicts == [.accepted, .accepted, .duplicate])
    #expect(try await intake.state().served == 1)
    #expect(try await resolve(Self.id + "01")?.answer?.list(\.n_items, \.items).count == 2)
    #expect(try await resolve(Self.id + "02")?.answer?.list(\.n_items, \.items).map(\.product) == ["p3"])
    // The same half of the id means nothing where the call was not named, or the customer is another.
    _ = try await intake.write(
      .served([
        try Self.record(Self.id + "03"), try Self.record(Self.id + "04", customer: "c2", isNamed: true),
      ]))
    #expect(try await intake.state().served == 3)
  }

  @Test("a pin becomes an event OVERRIDE, once; nothing served counts as the tenant's data")
  func overrides() async throws {
    let record = try Self.record(Self.id + "01", pinned: ["p9", "p8"], isNamed: true)
    let attempt = try Self.record(Self.id + "02", products: [], pinned: ["p9", "p8"], isNamed: true)
    for _ in 0..<2 { _ = try await intake.write(.served([record, attempt])) }
    let state = try await intake.state()
    #expect(state.events == 2 && state.sequence == 2 && state.served == 1 && state.lastReceived == nil)
    let served = try #require(try await resolve(Self.id + "01"))
    #expect(served.list(\.n_reactions, \.reactions).map(\.kind) == [.override, .override])
    #expect(served.list(\.n_reactions, \.reactions).map(\.product) == ["p9", "p8"])
  }

  @Test("events that name the recommendation are told with it")
  func reactions() async throws {
    _ = try await intake.write(.served([try Self.record(Self.id + "01")]))
    var shown = Event(
      id: try EventID("shown"), kind: .impression, customer: try CustomerID("c1"), occurredAt: Make.noon)
    shown.product = try ProductID("p1")
    shown.recommendation = try RecommendationID(Self.id + "01")
    var bought = try Make.event("bought", product: "p2", quantity: 3)
    bought.recommendation = shown.recommendation
    var other = try Make.event("other")
    other.recommendation = try RecommendationID(Self.id + "02")
    _ = try await intake.write(.events([shown, bought, other, try Make.event("none")]))
    let reactions = try #require(try await resolve(Self.id + "01")).list(\.n_reactions, \.reactions)
    #expect(reactions.map(\.kind) == [.impression, .purchase] && reactions.map(\.product) == ["p1", "p2"])
    #expect(reactions.map(\.quantity) == [0, 3])
  }

  @Test("records past their time make room, the oldest first, and no faster than new ones come")
  func retention() async throws {
    let old = try (10..<50).map { try Self.record(Self.id + "\($0)") }
    _ = try await intake.write(.served(old))
    let later = Make.noon + .seconds((IngestLimits.servedDays + 1) * 86_400)
    _ = try await intake.write(.served([try Self.record(Self.id + "60")]), at: later)
    for (number, isKept) in [(10, false), (11, false), (12, true), (60, true)] {
      #expect(try await (resolve(Self.id + "\(number)") != nil) == isKept)
    }
    _ = try await intake.write(.served(try (61..<99).map { try Self.record(Self.id + "\($0)") }), at: later)
    #expect(try await resolve(Self.id + "49") == nil)
    #expect(try await resolve(Self.id + "60") != nil)
    #expect(try await intake.state().served == 79)
  }

  static let hostile:
    [(field: String, change: @Sendable (Draft<Proto.ServedRecord>, Draft<Proto.GetRecommendationsResponse>) -> Void)] =
      [
        ("customer", { record, _ in record.customer = "" }),
        ("served_at_us", { record, _ in record.served_at_us = -1 }),
        ("occurred_at_us", { record, _ in record.occurred_at_us = .max }),
        ("channel", { record, _ in record.channel = Proto.SalesChannel(rawValue: 9) }),
        ("pinned", { record, _ in record.strings(\.n_pinned, \.pinned, (0..<11).map { "p\($0)" }) }),
        ("excluded[0]", { record, _ in record.strings(\.n_excluded, \.excluded, ["\u{1}"]) }),
        ("answer.recommendation_id", { _, answer in answer.recommendation_id = "0123" }),
        ("answer.recommendation_id", { _, answer in answer.recommendation_id = String(repeating: "+", count: 32) }),
        ("answer.bake", { _, answer in answer.bake = String(repeating: "b", count: 129) }),
        ("answer.propensity", { _, answer in answer.propensity = .nan }),
        ("answer.items[0].product", { _, answer in answer.list(\.n_items, \.items, of: [""]) { $0.product = $1 } }),
        (
          "answer.items", { _, answer in answer.list(\.n_items, \.items, of: 0..<51) { item, _ in item.product = "p" } }
        ),
      ]

  @Test("what breaks a limit is refused, and the field is named", arguments: 0..<hostile.count)
  func refused(index: Int) {
    #expect {
      _ = try Self.record(Self.id + "01", Self.hostile[index].change)
    } throws: {
      ($0 as? InvalidField)?.field == Self.hostile[index].field
    }
  }

  @Test("an id is read only as rankers write it", arguments: ["", "0123", "0123456789ABCDEF0123456789abcdef", "é"])
  func ids(text: String) throws {
    #expect(ServedID(text) == nil)
    let id = try #require(ServedID("00ff456789abcdef0123456789abcd0e"))
    #expect("\(id)" == "00ff456789abcdef0123456789abcd0e")
    #expect(id.bytes.prefix(3) == [0, 0xff, 0x45])
  }
}
