/// Which recipes start, with what share of the customers, and how many go on after each round.
struct HalvingSchedule {
  /// Of the recipes of a round one in so many goes on, with so many times the share.
  private static let rate = 4
  /// Judged customers that a first round has at least, where there are so many.
  private static let judgedCustomers = 150.0
  /// The least share with which a round begins.
  private static let leastShare = 1 / 16.0

  /// Indexes of the recipes that start, in order.
  let kept: [Int]
  /// Indexes of those whose work the budget has no room for.
  let dropped: [Int]
  /// Whether the budget has room for the finale.
  let hasFinale: Bool
  /// Share of the customers in the round to come.
  private(set) var share: Double
  /// Recipes in the round to come.
  private(set) var survivors: Int

  /// Plans for recipes whose work with a share of the customers `work` tells; the first recipe is always kept.
  ///
  /// Where the rounds would exceed the budget, the dearest recipe is left out, of equals the last. What goes on is not known
  /// beforehand: the plan reckons with the mean.
  ///
  /// - Parameter finale: work of what is tried in the last round alone, given the recipes that start; 0 = nothing is.
  init(
    _ recipes: Int, judged: Int, budget: Double, finale: (_ kept: [Int]) -> Double = { _ in 0 },
    work: (_ recipe: Int, _ share: Double) -> Double
  ) {
    var start = 1.0
    while start > Self.leastShare, Double(judged) * start / Double(Self.rate) >= Self.judgedCustomers {
      start /= Double(Self.rate)
    }
    var kept = Array(0..<recipes)
    var hasFinale = finale(kept) > 0
    while Self.work(of: kept, from: start, work) + (hasFinale ? finale(kept) : 0) > budget {
      let dearest = kept.dropFirst().max { (work($0, 1), $0) < (work($1, 1), $1) }
      if hasFinale, finale(kept) >= dearest.map({ work($0, 1) }) ?? 0 {
        hasFinale = false
      } else if let dearest {
        kept.removeAll { $0 == dearest }
      } else {
        break
      }
    }
    self.hasFinale = hasFinale
    self.kept = kept
    dropped = (0..<recipes).filter { !kept.contains($0) }
    survivors = kept.count
    // One recipe has no rivals: it is tried in full.
    share = kept.count > 1 ? start : 1
  }

  /// The best of those that could be judged go on; one alone goes straight on to everybody.
  mutating func advance(survivors judged: Int) {
    survivors = (judged + Self.rate - 1) / Self.rate
    share = survivors > 1 ? min(1, share * Double(Self.rate)) : 1
  }

  private static func work(of recipes: [Int], from start: Double, _ work: (Int, Double) -> Double) -> Double {
    var (share, left, total) = (start, recipes.count, 0.0)
    while true {
      total += Double(left) / Double(recipes.count) * recipes.reduce(0) { $0 + work($1, share) }
      guard share < 1 else { return total }
      left = (left + rate - 1) / rate
      share = left > 1 ? min(1, share * Double(rate)) : 1
    }
  }
}
