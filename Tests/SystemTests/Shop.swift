import Commerce
import Messages
import NightjarClient
import RPC

/// A made-up shop: groups of customers who buy within their group's products, half of them found out month by month.
struct Shop {
  static let start: Int64 = 1_704_067_200_000_000  // 2024-01-01
  static let day: Int64 = 86_400_000_000
  /// Business time of the first night.
  static let asOf = start + 120 * day

  let customers: Int
  let products: Int
  let purchasesEach: Int

  /// Enough for a model.
  static let large = Shop(customers: 80, products: 60, purchasesEach: 24)
  /// Below the data floor.
  static let small = Shop(customers: 10, products: 12, purchasesEach: 5)

  /// One purchase.
  struct Purchase {
    let id: String
    let customer: String
    let product: String
    let time: Int64
  }

  /// The purchases up to a day, always the same ones.
  func purchases(days: Int = 120) -> [Purchase] {
    var state: UInt64 = 42
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let groups = 4
    var all: [Purchase] = []
    for customer in 0..<customers {
      for index in 0..<purchasesEach {
        let isOwnGroup = next(10) < 8
        let group = isOwnGroup ? customer % groups : next(groups)
        let product = next(products / groups) * groups + group
        let time = Self.start + Int64(next(days)) * Self.day + Int64(next(86_400)) * 1_000_000
        all.append(Purchase(id: "e-\(customer)-\(index)", customer: "c\(customer)", product: "p\(product)", time: time))
      }
    }
    return all.sorted { ($0.time, $0.id) < ($1.time, $1.id) }
  }

  /// Creates the tenant and writes customers, products and purchases.
  func open(_ tenant: String, control: Channel, ingest: Channel) async throws {
    _ = try await control.call(ControlService.createTenant) { $0.id = tenant }
    let customersWritten = try await ingest.call(IngestService.upsertCustomers) { request in
      request.tenant = tenant
      request.list(\.n_customers, \.customers, of: 0..<customers) { draft, index in
        draft.id = "c\(index)"
        draft.segment = index % 2 == 0 ? "even" : "odd"
      }
    }
    let productsWritten = try await ingest.call(IngestService.upsertProducts) { request in
      request.tenant = tenant
      request.list(\.n_products, \.products, of: 0..<products) { draft, index in
        draft.id = "p\(index)"
        draft.message(\.price) { price in
          price.minor_units = 500
          price.currency = "GBP"
        }
      }
    }
    precondition(customersWritten.judgedRows == customers && productsWritten.judgedRows == products)
    try await record(purchases(), tenant, ingest)
  }

  /// Writes purchases in batches and waits for each answer; returns how many were accepted.
  @discardableResult
  func record(_ purchases: [Purchase], _ tenant: String, _ ingest: Channel, batch: Int = 500) async throws -> Int {
    let call = try await ingest.stream(IngestService.recordEvents)
    var answers = call.responses.makeAsyncIterator()
    var accepted = 0
    for start in stride(from: 0, to: purchases.count, by: batch) {
      try await call.send { Self.fill($0, tenant, purchases[start..<min(start + batch, purchases.count)]) }
      guard let answer = try await answers.next() else { break }
      accepted += answer.scalars(\.n_verdicts, \.verdicts).count { $0 == Proto.Verdict.accepted }
    }
    try await call.finish()
    return accepted
  }

  static func fill(_ request: Draft<Proto.RecordEventsRequest>, _ tenant: String, _ purchases: ArraySlice<Purchase>) {
    request.tenant = tenant
    request.list(\.n_events, \.events, of: purchases) { event, purchase in
      event.id = purchase.id
      event.customer = purchase.customer
      event.product = purchase.product
      event.kind = .purchase
      event.occurred_at_us = purchase.time
      event.quantity = 1
      event.message(\.revenue) { revenue in
        revenue.minor_units = 500
        revenue.currency = "GBP"
      }
    }
  }
}

extension View where M == Proto.WriteResponse {
  /// How many rows were judged.
  var judgedRows: Int { scalars(\.n_verdicts, \.verdicts).count }
}

/// Runs a night for everybody, whether or not their data have changed, and waits for its end.
@discardableResult
func night(_ asOf: Int64, _ control: Channel) async throws -> View<Proto.Night> {
  var night = try await control.call(ControlService.runNight) { request in
    request.as_of_us = asOf
    request.retrain_unchanged = true
  }
  let id = night.id
  try await eventually("the end of night \(id)") {
    night = try await control.call(ControlService.getNight) { $0.night = id }
    return night.finished_at_us > 0
  }
  return night
}

/// Asks the ranker, waiting through what it has not adopted yet.
func recommend(_ tenant: String, _ customer: String, _ ranker: Channel, limit: UInt32 = 10) async throws
  -> View<Proto.GetRecommendationsResponse>
{
  try await ranker.call(RankerService.getRecommendations) { request in
    request.tenant = tenant
    request.customer = customer
    request.limit = limit
  }
}
