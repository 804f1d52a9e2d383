import Learning
import Messages
import Testing

@testable import Training

@Suite struct SnapshotBuilderTests {
  @Test("a snapshot is the same in however many chunks it comes", arguments: [1, 7, 500, 100_000])
  func chunking(rows: Int) throws {
    let tenant = SampleTenant()
    let expected = try tenant.data()
    var builder = SnapshotBuilder(asOf: SampleTenant.asOf)
    for chunk in tenant.chunks(rows: rows) { try builder.add(chunk.decode()) }
    let data = try builder.build()
    #expect(data.customers == expected.customers && data.products == expected.products)
    #expect(data.interactions.customer == expected.interactions.customer)
    #expect(data.interactions.product == expected.interactions.product)
    #expect(data.interactions.time == expected.interactions.time)
    #expect(data.segments.ofCustomer == expected.segments.ofCustomer)
    #expect(data.events == 1_800)
  }

  @Test("customers and products that only events name count too, and are always for sale")
  func unknown() throws {
    var tenant = SampleTenant(customers: 1, products: 1, purchases: 0)
    tenant.events = [.init(customer: "stranger", product: "novelty", time: 5)]
    let data = try tenant.data()
    #expect(data.customers == ["c-00", "stranger"])
    #expect(data.products == ["novelty", "p-00"])
    #expect(data.eligible(at: 9) == [true, true])
    #expect(data.segments.ofCustomer == [0, -1] && data.segments.names == ["trade"])
  }

  @Test("ids that only look alike stay apart")
  func lookalikes() throws {
    var tenant = SampleTenant(customers: 0, products: 0, purchases: 0)
    tenant.customers = [("caf\u{E9}", ""), ("cafe\u{301}", "")]
    #expect(try tenant.data().customers.count == 2)
  }

  @Test("a product is for sale from its first moment to its last")
  func availability() throws {
    let data = try SampleTenant().data()
    #expect(data.eligible(at: 150 * SampleTenant.day)[0] == false)
    #expect(data.eligible(at: 150 * SampleTenant.day - 1)[0])
    #expect(data.eligible(at: 300 * SampleTenant.day - 1)[1] == false)
    #expect(data.eligible(at: 300 * SampleTenant.day)[1])
  }

  @Test("the largest segments are kept, and the rest counts as none")
  func segments() throws {
    var tenant = SampleTenant(customers: 0, products: 0, purchases: 0)
    for segment in 0...Limits.segments {
      for copy in 0..<(segment == 5 ? 1 : 2) { tenant.customers.append(("\(segment)/\(copy)", "s\(segment)")) }
    }
    let data = try tenant.data()
    #expect(data.segments.names.count == Limits.segments && !data.segments.names.contains("s5"))
    let dropped = try #require(data.customers.firstIndex(of: "5/0"))
    #expect(data.segments.ofCustomer.enumerated().allSatisfy { ($1 == -1) == ($0 == dropped) })
  }

  @Test("segments whose names only look alike are one, spelt as the first customer's")
  func lookalikeSegments() throws {
    var tenant = SampleTenant(customers: 0, products: 0, purchases: 0)
    for segment in 10..<50 {
      tenant.customers += [("\(segment)/0", "caf\u{E9} \(segment)"), ("\(segment)/1", "cafe\u{301} \(segment)")]
    }
    let data = try tenant.data()
    #expect(data.segments.names.count == 40)
    for (name, place) in zip(data.segmentNames, 0...) {
      #expect(Array(name.utf8) == Array("caf\u{E9} \(10 + place / 2)".utf8))
    }
  }

  @Test("searches and events without a product count as events and teach nothing")
  func searches() throws {
    var tenant = SampleTenant(customers: 1, products: 1, purchases: 0)
    tenant.events = [
      .init(customer: "c-00", product: "p-00", time: 5, kind: .search),
      .init(customer: "c-00", product: "p-00", time: 6, kind: .return),
    ]
    let data = try tenant.data()
    #expect(data.events == 2)
    #expect(data.interactions.kind == [.giveBack])
  }

  /// Ways in which a chunk of events breaks the contract.
  enum Damage: CaseIterable {
    case shortColumn, customerIndex, productIndex, unknownKind, afterAsOf, beforeEpoch, overflow, negativeQuantity, noID
  }

  @Test("a chunk that breaks the contract is refused with a reason", arguments: Damage.allCases)
  func damaged(damage: Damage) throws {
    let chunk = Encoded<Proto.SnapshotChunk> { chunk in
      chunk.message(\.events) { events in
        events.strings(\.n_customer_ids, \.customer_ids, [damage == .noID ? "" : "c"])
        events.strings(\.n_product_ids, \.product_ids, ["p"])
        events.scalars(\.n_customer, \.customer, [damage == .customerIndex ? 1 : 0, 0])
        events.scalars(\.n_product, \.product, [damage == .productIndex ? 2 : 1, 0])
        events.scalars(\.n_kind, \.kind, [damage == .unknownKind ? Proto.EventKind(rawValue: 99) : .purchase, .search])
        events.scalars(
          \.n_occurred_at_delta_us, \.occurred_at_delta_us,
          [
            damage == .afterAsOf ? SampleTenant.asOf + 1 : damage == .beforeEpoch ? -1 : 1,
            damage == .overflow ? .max : 1,
          ])
        events.scalars(\.n_quantity, \.quantity, [damage == .negativeQuantity ? -1 : 1, 0])
        events.scalars(\.n_revenue, \.revenue, damage == .shortColumn ? [0] : [0, 0])
        events.scalars(\.n_rating, \.rating, [Double.nan, .nan])
      }
    }
    var builder = SnapshotBuilder(asOf: SampleTenant.asOf)
    #expect {
      try builder.add(chunk.decode())
    } throws: { error in
      if case TrainingError.snapshot = error { true } else { false }
    }
  }

  @Test("a snapshot without its end, with rows missing or with rows after its end is refused")
  func incomplete() throws {
    let chunks = SampleTenant().chunks()
    func build(_ chunks: some Sequence<Encoded<Proto.SnapshotChunk>>) throws {
      var builder = SnapshotBuilder(asOf: SampleTenant.asOf)
      for chunk in chunks { try builder.add(chunk.decode()) }
      _ = try builder.build()
    }
    #expect(throws: Never.self) { try build(chunks) }
    #expect(throws: TrainingError.self) { try build(chunks.dropLast()) }
    #expect(throws: TrainingError.self) { try build(chunks.dropFirst()) }
    #expect(throws: TrainingError.self) { try build(chunks + chunks.suffix(1)) }
  }
}
