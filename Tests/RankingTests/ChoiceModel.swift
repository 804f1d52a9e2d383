import Commerce
import Messages
import RankedLists

@testable import Ranking

/// A small world made up at random, written as a lists file, and what an answer from it must be, told in the plainest way.
struct ChoiceModel {
  static let now: Int64 = 1_700_000_000_000_000
  static let regions = ["north", "south"]
  static let segments = ["trade", "private"]
  static let categories = ["drinks", "food", "tools"]

  struct Window {
    var from: Int64?
    var until: Int64?

    func holds() -> Bool { (from ?? .min) <= ChoiceModel.now && ChoiceModel.now < (until ?? .max) }
  }

  struct Offer {
    let id: String
    let channels: UInt32
    let window: Window
  }

  struct Product {
    let id: String
    let category: String?
    let channels: UInt32
    let regions: [String]
    let window: Window
    let offers: [Offer]
  }

  struct Customer {
    let id: String
    let segment: String
    let region: String
    /// Numbers of products, best first.
    let list: [Int]
    let bought: Set<Int>
  }

  struct Request {
    var limit = 10
    var channel: Proto.SalesChannel = .unknown
    var region = ""
    var segment = ""
    var excluded: [String] = []
    var pinned: [String] = []
  }

  private var random: Lottery
  let products: [Product]
  let customers: [Customer]
  let fallbacks: [FallbackGroup: [Int]]
  let overlay: Encoded<Proto.Overlay>
  let bought: BoughtProducts

  // The overlay once more, to be read plainly.
  private var withdrawn: Set<String> = []
  private var rules: [String: (window: Window, regions: [String])] = [:]
  private var blocks: [(customer: String, segment: String, products: Set<String>, categories: Set<String>)] = []
  private var perCategory = 0

  init(seed: UInt64) {
    var random = Lottery(state: seed)
    let bought = [BoughtProducts.listed, .notInLists, .leftOut][random.below(3)]
    products = (0..<14).map { number in
      Product(
        id: "p\(number)", category: random.often(8) ? random.one(of: Self.categories) : nil,
        channels: random.often(2) ? UInt32(1) << UInt32(1 + random.below(2)) : 0,
        regions: random.often(2) ? [random.one(of: Self.regions)] : [], window: Self.window(&random),
        offers: (0..<(random.often(4) ? random.below(4) : 0)).map { offer in
          Offer(
            id: "o\(number)-\(offer)", channels: random.often(6) ? UInt32(1) << UInt32(1 + random.below(2)) : 0,
            window: Self.window(&random))
        })
    }
    let all = Array(0..<products.count)
    customers = (0..<4).map { number in
      let had = Set(random.some(of: all, atMost: 6))
      let list = random.some(of: all, atMost: 12).filter { bought != .notInLists || !had.contains($0) }
      return Customer(
        id: "c\(number)", segment: random.one(of: Self.segments + [""]), region: random.one(of: Self.regions + [""]),
        list: list, bought: had)
    }
    var fallbacks: [FallbackGroup: [Int]] = [:]
    let groups =
      Self.segments.map { FallbackGroup.segment($0) } + Self.regions.map { FallbackGroup.region($0) } + [.overall]
    for group in groups where random.often(7) { fallbacks[group] = random.some(of: all, atMost: 8) }
    self.fallbacks = fallbacks.filter { !$0.value.isEmpty }
    self.bought = bought
    if random.often(7) {
      withdrawn = Set(random.some(of: all, atMost: 3).map { "p\($0)" } + ["unknown"])
      for product in random.some(of: all, atMost: 3) {
        rules["p\(product)"] = (Self.window(&random), random.often(4) ? [random.one(of: Self.regions)] : [])
      }
      for _ in 0..<random.below(4) {
        let isOfCustomer = random.often(5)
        blocks.append(
          (
            isOfCustomer ? "c\(random.below(5))" : "", isOfCustomer ? "" : random.one(of: Self.segments),
            Set(random.some(of: all, atMost: 3).map { "p\($0)" }),
            Set(random.often(3) ? [random.one(of: Self.categories)] : [])
          ))
      }
      perCategory = random.often(4) ? 1 + random.below(3) : 0
    }
    overlay = Self.encode(withdrawn, rules, blocks, perCategory)
    self.random = random
  }

  private static func window(_ random: inout Lottery) -> Window {
    let minute: Int64 = 60_000_000
    let from = random.often(2) ? now + (random.often(5) ? -minute : minute) : nil
    let until = random.often(2) ? now + (random.often(5) ? 0 : 2 * minute) : nil
    // Nothing ends before it begins.
    guard let from, let until, until <= from else { return Window(from: from, until: until) }
    return Window(from: from, until: nil)
  }

  private static func encode(
    _ withdrawn: Set<String>, _ rules: [String: (window: Window, regions: [String])],
    _ blocks: [(customer: String, segment: String, products: Set<String>, categories: Set<String>)], _ each: Int
  ) -> Encoded<Proto.Overlay> {
    Encoded { draft in
      draft.strings(\.n_withdrawn, \.withdrawn, withdrawn.sorted())
      draft.list(\.n_products, \.products, of: rules.sorted { $0.key < $1.key }) { rule, entry in
        rule.product = entry.key
        rule.available_from_us = entry.value.window.from ?? 0
        rule.available_until_us = entry.value.window.until ?? 0
        rule.strings(\.n_regions, \.regions, entry.value.regions)
      }
      // A block without anything in it is refused.
      draft.list(\.n_blocks, \.blocks, of: blocks.filter { !$0.products.isEmpty || !$0.categories.isEmpty }) {
        $0.customer = $1.customer
        $0.segment = $1.segment
        $0.strings(\.n_products, \.products, $1.products.sorted())
        $0.strings(\.n_categories, \.categories, $1.categories.sorted())
      }
      draft.maximum_per_category = UInt32(each)
    }
  }

  mutating func request() -> Request {
    let all = products.map(\.id) + ["unknown"]
    return Request(
      limit: 1 + random.below(12), channel: random.one(of: [.unknown, .push, .pull]),
      region: random.often(3) ? random.one(of: Self.regions) : "",
      segment: random.often(3) ? random.one(of: Self.segments) : "",
      excluded: random.often(4) ? random.some(of: all, atMost: 5) : [],
      pinned: random.often(4) ? random.some(of: all, atMost: 4) : [])
  }

  func writeLists(to path: String) throws {
    var writer = try RankedListsWriter(
      path: path, header: RankedListsHeader(tenant: "uk", model: "m", bake: "b", asOf: Self.now - 1),
      parts: [.details, .groups, .bought])
    for product in products {
      _ = try writer.addCandidate(product: product.id, details: details(product, product.channels, product.window))
    }
    for product in products {
      for offer in product.offers {
        _ = try writer.addCandidate(
          product: product.id, offer: offer.id, details: details(product, offer.channels, offer.window))
      }
    }
    func entries(_ list: [Int]) -> [RankedEntry] {
      list.enumerated().map { RankedEntry(candidate: UInt32($1), score: Float(100 - $0)) }
    }
    for customer in customers {
      let bought = customer.bought.map { UInt32($0) }
      if customer.list.isEmpty {
        try writer.add(
          customer: customer.id, nothing: .nothingEligible, segment: customer.segment, region: customer.region,
          bought: bought)
      } else {
        try writer.add(
          customer: customer.id, entries: entries(customer.list), segment: customer.segment, region: customer.region,
          bought: bought)
      }
    }
    for (group, list) in fallbacks { try writer.setFallback(group, entries: entries(list)) }
    try writer.finish()
  }

  private func details(_ product: Product, _ channels: UInt32, _ window: Window) -> CandidateDetails {
    CandidateDetails(
      categories: product.category.map { ["goods", $0] } ?? [], channels: channels, regions: product.regions,
      availableFrom: window.from, availableUntil: window.until)
  }

  // MARK: What an answer must be

  /// Products with the offer that each is named under ("" = as such), in order; how many of them at the end are refilled.
  func answer(to customer: String, _ request: Request) -> (items: [[String]], refilled: Int) {
    let known = customers.first { $0.id == customer }
    if known?.list.isEmpty == true { return ([], 0) }
    let segment = known.map { $0.segment.isEmpty ? request.segment : $0.segment } ?? request.segment
    let region = request.region.isEmpty ? known?.region ?? "" : request.region
    let home = known?.region ?? request.region
    var stand: [[Int]] = []
    if !segment.isEmpty { stand += fallbacks[.segment(segment)].map { [$0] } ?? [] }
    if !home.isEmpty { stand += fallbacks[.region(home)].map { [$0] } ?? [] }
    stand += fallbacks[.overall].map { [$0] } ?? []
    let own = known?.list ?? (stand.isEmpty ? [] : stand.removeFirst())
    var items: [[String]] = []
    func add(_ number: Int) {
      let product = products[number]
      let had = bought != .listed && known?.bought.contains(number) == true
      let sameCategory = items.count { item in
        item[0] != product.id && products.contains { $0.id == item[0] && $0.category == product.category }
      }
      guard !had, !items.contains(where: { $0[0] == product.id }), !request.excluded.contains(product.id),
        product.category == nil || perCategory == 0 || sameCategory < perCategory,
        isOnSale(product, region), !isBlocked(product, customer, segment)
      else { return }
      let fitting = product.offers.first { $0.window.holds() && fits($0.channels, request.channel) }
      if fits(product.channels, request.channel) { items.append([product.id, fitting?.id ?? ""]) }
    }
    for product in request.pinned where items.count < request.limit {
      if let number = products.firstIndex(where: { $0.id == product }) { add(number) }
    }
    for number in own where items.count < request.limit { add(number) }
    let before = items.count
    for list in stand {
      for number in list where items.count < min(request.limit, own.count) { add(number) }
    }
    return (items, items.count - before)
  }

  private func fits(_ channels: UInt32, _ channel: Proto.SalesChannel) -> Bool {
    channels == 0 || channel == .unknown || channels & (1 << channel.rawValue) != 0
  }

  private func isOnSale(_ product: Product, _ region: String) -> Bool {
    guard !withdrawn.contains(product.id) else { return false }
    let (window, regions) = rules[product.id] ?? (product.window, product.regions)
    return window.holds() && (region.isEmpty || regions.isEmpty || regions.contains(region))
  }

  private func isBlocked(_ product: Product, _ customer: String, _ segment: String) -> Bool {
    blocks.contains { block in
      (block.customer.isEmpty ? block.segment == segment : block.customer == customer)
        && (block.products.contains(product.id) || product.category.map { block.categories.contains($0) } == true)
    }
  }
}

/// Random choices from a seed: Knuth's MMIX generator, its upper bits.
struct Lottery {
  var state: UInt64

  init(state: UInt64) { self.state = state &* 0x9e37_79b9_7f4a_7c15 }

  mutating func below(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(bound))
  }

  /// True `tenths` times of ten.
  mutating func often(_ tenths: Int) -> Bool { below(10) < tenths }

  mutating func one<T>(of all: [T]) -> T { all[below(all.count)] }

  /// Some in some order, none twice.
  mutating func some<T>(of all: [T], atMost most: Int) -> [T] {
    var rest = all
    return (0..<below(most + 1)).map { _ in rest.remove(at: below(rest.count)) }
  }
}
