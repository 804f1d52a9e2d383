import Testing

@testable import Load

@Suite("Which request comes next")
struct PicksTests {
  /// One key out of many is a cache's best case, and no load.
  @Test("is each as often as any other", arguments: [1, 2, 1_000, 1_024])
  func isUniform(count: Int) {
    var picks = Picks()
    var seen = [Double](repeating: 0, count: count)
    let draws = 200_000
    for _ in 0..<draws { seen[picks.next(below: count)] += 1 }
    let expected = Double(draws) / Double(count)
    let chiSquared = seen.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
    // The 99.9th percentile is at most this for every number of degrees of freedom here: count - 1 + 3.1 · √(2 · count) + 7.
    #expect(chiSquared < Double(count - 1) + 3.1 * (2 * Double(count)).squareRoot() + 7)
  }
}
