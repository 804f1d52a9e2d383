import Testing

@testable import Learning

@Suite struct InteractionsTests {
  /// Rows of few different contents, over a span of `spread` µs that begins before the epoch.
  private static func rows(_ count: Int, spread: Int, seed: UInt64) -> [Interactions.Row] {
    var random = Xoshiro256(seed: seed)
    return (0..<count).map { _ in
      Interactions.Row(
        customer: Int32(random.nextIndex(below: 3)), product: Int32(random.nextIndex(below: 4)),
        kind: random.nextIndex(below: 2) == 0 ? .rating : .purchase,
        time: Int64(random.nextIndex(below: spread)) - Int64(spread / 2), quantity: Int64(random.nextIndex(below: 2)),
        revenue: Int64(random.nextIndex(below: 2)), rating: random.nextIndex(below: 2) == 0 ? .nan : 4)
    }
  }

  private static func isBefore(_ a: Interactions.Row, _ b: Interactions.Row) -> Bool {
    let first = [a.time, Int64(a.customer), Int64(a.product), Int64(a.kind.rawValue), a.quantity, a.revenue]
    let second = [b.time, Int64(b.customer), Int64(b.product), Int64(b.kind.rawValue), b.quantity, b.revenue]
    return first == second ? a.rating.bitPattern < b.rating.bitPattern : first.lexicographicallyPrecedes(second)
  }

  private static func expect(_ interactions: Interactions, are rows: [Interactions.Row]) {
    #expect(interactions.count == rows.count)
    for (number, row) in rows.enumerated() {
      #expect(interactions.customer[number] == row.customer && interactions.product[number] == row.product)
      #expect(interactions.kind[number] == row.kind && interactions.time[number] == row.time)
      #expect(interactions.quantity[number] == row.quantity && interactions.revenue[number] == row.revenue)
      #expect(interactions.rating[number].bitPattern == row.rating.bitPattern)
    }
  }

  @Test(
    "rows stand in order of time, then of content, whatever order they come in",
    arguments: [1, 7, 5_000, 1 << 40, Int.max - 1])
  func order(spread: Int) {
    for seed in UInt64(1)...5 {
      let rows = Self.rows(400, spread: spread, seed: seed)
      let sorted = rows.sorted(by: Self.isBefore)
      Self.expect(Interactions(customers: 3, products: 4, rows: rows), are: sorted)
      Self.expect(Interactions(customers: 3, products: 4, rows: sorted.reversed()), are: sorted)
      Self.expect(Interactions(customers: 3, products: 4, rows: sorted), are: sorted)
    }
  }

  @Test("the earliest and the latest moments that there are stand first and last")
  func extremes() {
    let rows = [Int64.max, 0, .min, -1, 1].map { Interactions.Row(customer: 0, product: 0, kind: .view, time: $0) }
    #expect(Interactions(customers: 1, products: 1, rows: rows).time == [.min, -1, 0, 1, .max])
  }

  @Test("a column that begins late has nothing in the rows before")
  func late() {
    var builder = InteractionsBuilder()
    for time in Int64(0)..<5 {
      builder.append(
        .init(
          customer: 0, product: 0, kind: .purchase, time: time, revenue: time == 3 ? 250 : 0,
          rating: time == 4 ? 2 : .nan))
    }
    let interactions = builder.build(customers: 1, products: 1)
    #expect((0..<5).map { interactions.revenue[$0] } == [0, 0, 0, 250, 0])
    #expect((0..<5).map { interactions.rating[$0].isNaN } == [true, true, true, true, false])
    #expect(interactions.quantity.values == nil)
  }

  @Test("renumbered rows stand in the order of their new numbers")
  func renumbered() {
    var builder = InteractionsBuilder()
    for number in Int32(0)..<3 { builder.append(.init(customer: number, product: number, kind: .view, time: 9)) }
    builder.renumber(customers: [2, 0, 1], products: [10, 11, 12])
    let interactions = builder.build(customers: 3, products: 13)
    #expect(interactions.customer == [0, 1, 2])
    #expect(interactions.product == [11, 12, 10])
  }

  @Test("pairs count once, in order of row and column", arguments: [UInt64](1...10))
  func pairs(seed: UInt64) {
    var random = Xoshiro256(seed: seed)
    let pairs = (0..<200).map { _ in (Int32(random.nextIndex(below: 12)), Int32(random.nextIndex(below: 15))) }
    let sets = PairSets(rows: 13, columns: 15, pairs: pairs)
    for row in 0..<13 {
      #expect(sets[row].elementsEqual(Set(pairs.filter { $0.0 == row }.map(\.1)).sorted()))
      for column in Int32(0)..<15 { #expect(sets.contains(column, in: row) == sets[row].contains(column)) }
    }
    #expect(sets.count == (0..<13).reduce(0) { $0 + sets[$1].count })
  }
}
