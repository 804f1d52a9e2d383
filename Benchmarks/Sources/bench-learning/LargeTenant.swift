import Foundation
import Learning

/// One tenant as large as they come, from its events to everybody's list.
struct LargeTenant {
  let customers: Int
  let products: Int
  let events: Int
  let factors: Int

  private static let seed: UInt64 = 30
  private static let days = 365
  private static let purchaseShare = 0.6
  private static let mostUnits = 12
  private static let halfLifeDays = 60.0
  private static let iterations = 10
  private static let listLength = 50
  private static let rowsAtOnce = 8_192

  /// Trains and lists, and says what each phase took and how much memory there was in use at most so far.
  func night(threads: Int) throws {
    LinearAlgebra.setThreads(threads)
    print(
      "\n\(customers) customers x \(products) products x \(events) events; \(factors) factors, \(Self.iterations) "
        + "iterations, \(threads) threads, kernels \(KernelLevel.best)")
    let start = ContinuousClock().now
    let builder = phase("append events as they come") { generated() }
    let interactions = phase("sort into columns") { builder.build(customers: customers, products: products) }
    let history = interactions.history(through: Int64(Self.days) * Int64(microsecondsPerDay))
    let interest = phase("interest") { history.interest(halfLifeDays: Self.halfLifeDays) }
    let als = ImplicitALS(factors: factors, regularisation: 10, alpha: 1, iterations: Self.iterations)
    let y = try phase("fit, \(interest.count) non-zeros") { try als.fit(interest, seed: Self.seed) }
    let x = phase("fold every customer in") { als.foldIn(interest, against: y) }
    let bought = phase("who bought what") { history.purchases() }
    let entries = try phase("lists of \(Self.listLength)") { try lists(x, y, bought) }
    print("  \(entries) entries in all, \((ContinuousClock().now - start).seconds.text(1)) s")
  }

  /// The entries of all lists.
  private func lists(_ x: [Float], _ y: [Float], _ bought: PairSets) throws -> Int {
    let top = TopLists(y, factors: factors, length: Self.listLength, eligible: .init(repeating: true, count: products))
    var entries = 0
    for start in stride(from: 0, to: customers, by: Self.rowsAtOnce) {
      let range = start..<min(start + Self.rowsAtOnce, customers)
      let lists = try top.lists(of: range, in: x, excluding: bought)
      for customer in range { entries += lists[customer].products.count }
    }
    return entries
  }

  private func generated() -> InteractionsBuilder {
    var random = Xoshiro256(seed: Self.seed)
    let demand = Demand(products: products)
    var builder = InteractionsBuilder()
    for _ in 0..<events {
      let customer = random.nextIndex(below: customers)
      let isPurchase = random.nextUnit() < Self.purchaseShare
      builder.append(
        Interactions.Row(
          customer: Int32(customer), product: Int32(demand.product(for: customer, &random)),
          kind: isPurchase ? .purchase : .view,
          time: Int64(random.nextUnit() * Double(Self.days) * microsecondsPerDay),
          quantity: isPurchase ? Int64(1 + random.nextIndex(below: Self.mostUnits)) : 0))
    }
    return builder
  }

  private func phase<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
    let start = ContinuousClock().now
    let result = try body()
    let seconds = (ContinuousClock().now - start).seconds
    print("  \(name): \(seconds.text(1)) s, peak \(Self.peakGiB.text(2)) GiB")
    return result
  }

  /// Most memory that this process has had resident, GiB.
  private static var peakGiB: Double {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    let kibibytes = line.flatMap { Double($0.split(whereSeparator: \.isWhitespace)[1]) } ?? .nan
    return kibibytes / 1_048_576
  }
}
