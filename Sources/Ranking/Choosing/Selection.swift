import RankedLists

/// Takes candidates into one answer, best first, as long as they may be offered and there is room.
struct Selection {
  private let lists: RankedLists
  private let eligibility: Eligibility?
  private let demand: Demand
  private let blocked: Set<UInt32>
  private let offers: OfferTable?
  /// What the customer may not be recommended for having bought it, ascending, once it matters.
  private var bought: [UInt32] = []
  /// What the customer has by now, or does not want.
  private var out: Set<UInt32> = []
  private let now: Int64
  /// By number of the path of categories.
  private var perCategory: [UInt32: Int] = [:]
  private(set) var items: [Choice.Item] = []
  /// Items that there would be if all of the list could be offered.
  private var wanted = 0

  /// `now`: business time, µs.
  init(
    _ lists: RankedLists, _ eligibility: Eligibility?, _ demand: Demand, for customer: UnsafeRawBufferPointer,
    segment: String, at now: Int64
  ) {
    self.lists = lists
    self.eligibility = eligibility
    self.demand = demand
    self.now = now
    offers = eligibility?.offers
    blocked = eligibility?.blocked(for: customer, segment: segment) ?? []
    items.reserveCapacity(demand.limit)
  }

  /// Leaves out from now on what the customer of a list has bought, as of the bake.
  mutating func leaveOutBought(by list: borrowing ListView) {
    guard bought.isEmpty else { return }
    lists.forEachBought(by: list) { bought.append($0) }
  }

  private var isFull: Bool { items.count >= demand.limit }

  /// Whether something was left out that nothing stands in for.
  var hasGaps: Bool { items.count < wanted }

  /// Takes a customer's own list, or one that stands in.
  mutating func take(_ list: borrowing ListView) {
    wanted = min(demand.limit, list.count)
    take(list, upTo: demand.limit)
  }

  /// Takes from a fallback list as many as were left out.
  mutating func fillGaps(from list: borrowing ListView) { take(list, upTo: wanted) }

  private mutating func take(_ list: borrowing ListView, upTo most: Int) {
    for position in 0..<list.count {
      if items.count >= most { return }
      let entry = list[position]
      guard let candidate = best(of: entry.candidate) else { continue }
      append(
        Choice.Item(
          candidate: candidate, score: entry.score,
          reason: demand.reasons ? lists.reason(of: list, at: position) : nil))
    }
  }

  /// Takes what was ranked in the call; nothing of `out` stands in for what is left out of it.
  mutating func take(_ entries: [RankedEntry], without out: Set<UInt32>) {
    self.out = out
    wanted = min(demand.limit, entries.count)
    for entry in entries {
      if isFull { return }
      if let candidate = best(of: entry.candidate) { append(Choice.Item(candidate: candidate, score: entry.score)) }
    }
  }

  /// Takes what the salesperson wants first; what may not be offered stays out.
  mutating func pin(_ products: [[UInt8]]) {
    for product in products where !isFull {
      let places = product.withUnsafeBytes { lists.places(of: $0) }
      guard let place = places.first, let candidate = best(of: lists.candidate(at: place)) else { continue }
      append(Choice.Item(candidate: candidate, score: 0, isPinned: true))
    }
  }

  private mutating func append(_ item: Choice.Item) {
    items.append(item)
    if let category = category(of: item.candidate) { perCategory[category, default: 0] += 1 }
  }

  /// The number of the candidate's categories, where there is a limit of them; nil = it has none, or there is no limit.
  private func category(of candidate: UInt32) -> UInt32? {
    guard let eligibility, eligibility.maximumPerCategory > 0, let details = lists.details(candidate) else {
      return nil
    }
    return details.category == 0 ? nil : details.category
  }

  /// The candidate under which the product of one is named now: the first of its offers that may be made, else the product
  /// as such; nil = it may not be listed, or is already.
  private func best(of candidate: UInt32) -> UInt32? {
    let head = offers?.head(of: candidate) ?? candidate
    if !demand.excluded.isEmpty, isExcluded(head) { return nil }
    if out.contains(head) || isBought(head) { return nil }
    if items.contains(where: { (offers?.head(of: $0.candidate) ?? $0.candidate) == head }) { return nil }
    for offer in offers?.offers(of: head) ?? [] where mayBeOffered(offer) { return offer }
    return mayBeOffered(head) ? head : nil
  }

  private func mayBeOffered(_ candidate: UInt32) -> Bool {
    guard let eligibility else { return true }
    if blocked.contains(candidate) { return false }
    let isAdmitted = demand.region.withUnsafeBytes {
      eligibility.admits(candidate, of: lists, at: now, in: $0, through: demand.channel)
    }
    guard isAdmitted else { return false }
    guard let category = category(of: candidate) else { return true }
    return perCategory[category, default: 0] < eligibility.maximumPerCategory
  }

  /// Complexity: O(log of what was bought).
  private func isBought(_ candidate: UInt32) -> Bool {
    var (low, high) = (0, bought.count)
    while low < high {
      let middle = (low + high) / 2
      if bought[middle] < candidate { low = middle + 1 } else { high = middle }
    }
    return low < bought.count && bought[low] == candidate
  }

  private func isExcluded(_ candidate: UInt32) -> Bool {
    lists.candidate(candidate).product.withUnsafeBytes { product in
      demand.excluded.contains { $0.count == product.count && $0.elementsEqual(product) }
    }
  }
}
