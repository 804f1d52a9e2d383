import Commerce
import Messages
import NightjarClient
import RPC

/// Asks a ranker for many customers' lists over one connection a ranker.
struct LiveLists: Sendable {
  let ranker: ServiceClient

  /// Calls under way at once.
  private static let callsInFlight = 64
  /// Time that a ranker has to take over what control decided.
  private static let adoptionLimit = Duration.seconds(30)
  private static let adoptionPoll = Duration.milliseconds(20)

  /// One customer's list.
  func ask(_ tenant: String, _ customer: String, limit: UInt32) async throws -> View<Proto.GetRecommendationsResponse> {
    try await ranker.call(RankerService.getRecommendations, options: CallOptions(key: tenant)) { draft in
      draft.tenant = tenant
      draft.customer = customer
      draft.limit = limit
    }
  }

  /// The first ten products of each of a shop's customers, by index; customers without a list are left out.
  func lists(of shop: OnlineRetail.Shop, for customers: [Int32]) async throws -> [Int32: [Int32]] {
    let indexOf = Dictionary(uniqueKeysWithValues: shop.products.enumerated().map { ($1, Int32($0)) })
    let tenant = shop.tenant.rawValue
    var lists: [Int32: [Int32]] = [:]
    try await withThrowingTaskGroup(of: (Int32, View<Proto.GetRecommendationsResponse>).self) { group in
      var rest = customers[...]
      func askNext() {
        guard let customer = rest.popFirst() else { return }
        group.addTask { (customer, try await ask(tenant, shop.customers[Int(customer)], limit: Scoreboard.listLength)) }
      }
      for _ in 0..<Self.callsInFlight { askNext() }
      while let (customer, answer) = try await group.next() {
        let items = answer.list(\.n_items, \.items)
        // A product that is not the shop's own cannot be a hit.
        if !items.isEmpty { lists[customer] = items.map { indexOf[$0.product] ?? -1 } }
        askNext()
      }
    }
    return lists
  }

  /// Waits until the ranker answers for a tenant as control decided: from `bake`, or with OFF where there is none.
  func waitUntilServed(_ tenant: String, bake: String) async throws {
    let deadline = ContinuousClock.now + Self.adoptionLimit
    while true {
      let answer = try await ask(tenant, "nobody", limit: 1)
      if bake.isEmpty ? answer.outcome == .off : answer.bake == bake && answer.outcome != .off { return }
      guard ContinuousClock.now < deadline else {
        throw ConsoleError(
          """
          the ranker serves bake '\(answer.bake)' (\(answer.outcome.word)) of \(tenant) \(Self.adoptionLimit) after control \
          decided for '\(bake)'; see nightjar journal --tenant \(tenant)
          """)
      }
      try await Task.sleep(for: Self.adoptionPoll)
    }
  }
}
