import Testing

@testable import Learning

@Suite struct TopListsTests {
  /// A case whose scores are whole numbers, so that every order of adding gives the same.
  struct Case: Sendable, CustomStringConvertible {
    var rows = 5
    var products = 100
    var factors = 7
    var length = 10
    var eligible = 0.9
    var excluded = 0.2

    var description: String {
      "\(rows) rows, \(products) products, \(factors) factors, \(length) places, \(eligible) eligible, \(excluded) excluded"
    }
  }

  static let cases = [
    Case(), Case(rows: 1, products: 1, factors: 1, length: 1), Case(rows: 3, products: 0),
    Case(rows: 0), Case(rows: 50, products: 31, length: 50), Case(rows: 7, products: 2000, factors: 64, length: 50),
    Case(rows: 200, products: 513, factors: 16, length: 3), Case(rows: 13, products: 1500, length: 1),
    Case(rows: 4, products: 700, factors: 1024, length: 20), Case(eligible: 0), Case(excluded: 1),
    Case(rows: 6, products: 1100, length: 1000, eligible: 1, excluded: 0.05),
  ]

  @Test("lists are those of a full sort", arguments: KernelLevel.runnable, cases)
  func bruteForce(level: KernelLevel, shape: Case) throws {
    var random = Xoshiro256(seed: 4)
    func whole(_ count: Int) -> [Float] { (0..<count).map { _ in Float(random.nextIndex(below: 7)) - 3 } }
    let x = whole(shape.rows * shape.factors)
    var y = whole(shape.products * shape.factors)
    if shape.products > 90 {
      y[5 * shape.factors] = .nan
      y[6 * shape.factors] = .infinity
    }
    let eligible = (0..<shape.products).map { _ in random.nextUnit() < shape.eligible }
    var pairs: [(Int32, Int32)] = []
    for row in 0..<shape.rows {
      for product in 0..<shape.products where random.nextUnit() < shape.excluded {
        pairs.append((Int32(row), Int32(product)))
      }
    }
    let excluded = PairSets(rows: shape.rows, columns: shape.products, pairs: pairs)
    let top = TopLists(y, factors: shape.factors, length: shape.length, eligible: eligible)
    let middle = shape.rows / 3
    for range in [0..<middle, middle..<shape.rows] {
      let lists = try top.lists(of: range, in: x, excluding: excluded, level: level, threads: 2)
      #expect(lists.count == range.count)
      for row in range {
        let scores = (0..<shape.products).map { product in
          (0..<shape.factors).reduce(Float(0)) { $0 + x[row * shape.factors + $1] * y[product * shape.factors + $1] }
        }
        let expected = (0..<shape.products)
          .filter { eligible[$0] && scores[$0].isFinite && !excluded.contains(Int32($0), in: row) }
          .sorted { (-scores[$0], $0) < (-scores[$1], $1) }.prefix(shape.length)
        #expect(lists[row].products.elementsEqual(expected.map(Int32.init)))
        #expect(lists[row].scores.elementsEqual(expected.map { scores[$0] }))
      }
    }
  }

  @Test("they are the lists that the selector of single rows makes")
  func asTopProducts() throws {
    let (rows, products, factors) = (60, 300, 20)
    var random = Xoshiro256(seed: 9)
    let x = (0..<rows * factors).map { _ in Float(random.nextIndex(below: 9)) - 4 }
    let y = (0..<products * factors).map { _ in Float(random.nextIndex(below: 9)) - 4 }
    let eligible = (0..<products).map { $0 % 7 != 0 }
    let bought = PairSets(
      rows: rows, columns: products, pairs: (0..<rows * 5).map { (Int32($0 % rows), Int32($0 * 31 % products)) })
    let lists = try TopLists(y, factors: factors, length: 12, eligible: eligible)
      .lists(of: 0..<rows, in: x, excluding: bought)
    var single = TopProducts(length: 12, eligible: eligible)
    for row in 0..<rows {
      let scores = (0..<products).map { product in
        (0..<factors).reduce(Float(0)) { $0 + x[row * factors + $1] * y[product * factors + $1] }
      }
      #expect(lists[row].products.elementsEqual(single.select(scores, excluding: bought[row]).map(\.product)))
    }
  }

  @Test("a cancelled task gets no lists")
  func cancelled() async {
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      let top = TopLists([1, 2], factors: 1, length: 1, eligible: [true, true])
      return try top.lists(of: 0..<1, in: [1], excluding: PairSets(rows: 1, columns: 2, pairs: [])).count
    }
    await #expect(throws: LearningError.cancelled) { try await task.value }
  }
}
