/// Draws products that a customer has not bought: half by popularity, half uniformly.
struct NegativeDraw {
  private let eligible: [Int32]
  /// Running sum over `eligible` of the number of customers who had bought each.
  private let runningBuyers: [Int]
  private var random: Xoshiro256
  private var chosen: Set<Int32> = []

  /// Draws that land on a bought product before the rest is listed and drawn from outright.
  private static let maximumMisses = 100

  init(eligible isEligible: [Bool], boughtBefore: PairSets, seed: UInt64) {
    var buyers = [Int](repeating: 0, count: isEligible.count)
    for customer in 0..<boughtBefore.rows {
      for product in boughtBefore[customer] { buyers[Int(product)] += 1 }
    }
    eligible = isEligible.indices.filter { isEligible[$0] }.map(Int32.init)
    var sum = 0
    runningBuyers = eligible.map { product in
      sum += buyers[Int(product)]
      return sum
    }
    random = Xoshiro256(seed: seed)
  }

  /// Up to `count` different products outside `isBought`, ascending; fewer when there are no more.
  ///
  /// The odd one goes to popularity or to chance by the toss of a coin, so that neither gains over many customers.
  mutating func products(_ count: Int, isBought: (Int32) -> Bool) -> [Int32] {
    chosen.removeAll(keepingCapacity: true)
    let popular = (count + random.nextIndex(below: 2)) / 2
    for number in 0..<count {
      guard let product = product(byPopularity: number < popular, isBought) else { break }
      chosen.insert(product)
    }
    return chosen.sorted()
  }

  private mutating func product(byPopularity: Bool, _ isBought: (Int32) -> Bool) -> Int32? {
    guard !eligible.isEmpty else { return nil }
    for _ in 0..<Self.maximumMisses {
      let product = eligible[byPopularity ? popularIndex() : random.nextIndex(below: eligible.count)]
      if !chosen.contains(product) && !isBought(product) { return product }
    }
    let rest = eligible.filter { !chosen.contains($0) && !isBought($0) }
    return rest.isEmpty ? nil : rest[random.nextIndex(below: rest.count)]
  }

  private mutating func popularIndex() -> Int {
    guard let total = runningBuyers.last, total > 0 else { return random.nextIndex(below: eligible.count) }
    let ticket = random.nextIndex(below: total)
    var low = 0
    var high = runningBuyers.count - 1
    while low < high {
      let middle = (low + high) / 2
      if runningBuyers[middle] <= ticket { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
