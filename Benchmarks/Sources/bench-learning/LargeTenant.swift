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
    say(
      "\n\(customers) customers x \(products) products x \(events) events; \(factors) factors, \(Self.iterations) "
        + "iterations, \(threads) threads, kernels \(KernelLevel.best)")
    var laps = Laps()
    let builder = generated()
    laps.end("make events up and append them")
    let interactions = builder.build(customers: customers, products: products)
    laps.end("sort into columns")
    let history = interactions.history(through: Int64(Self.days) * Int64(microsecondsPerDay))
    let interest = history.interest(halfLifeDays: Self.halfLifeDays)
    laps.end("interest, \(interest.count) non-zeros")
    let als = ImplicitALS(factors: factors, regularisation: 10, alpha: 1, iterations: Self.iterations)
    let y = try als.fit(interest, seed: Self.seed)
    laps.end("fit")
    let x = als.foldIn(interest, against: y)
    laps.end("fold every customer in")
    let bought = history.purchases()
    laps.end("who bought what")
    let entries = try lists(x, y, bought)
    laps.end("lists of \(Self.listLength), \(entries) entries")
    laps.finish()
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
}

/// Says of each phase how long it took, and how much memory this process has had resident at most so far.
private struct Laps {
  private let start = ContinuousClock().now
  private var last = ContinuousClock().now

  mutating func end(_ phase: String) {
    let now = ContinuousClock().now
    say("  \(phase): \((now - last).seconds.text(1)) s, peak \(Self.peakGiB.text(2)) GiB")
    last = now
  }

  func finish() { say("  in all: \((last - start).seconds.text(1)) s, peak \(Self.peakGiB.text(2)) GiB") }

  private static var peakGiB: Double {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    let kibibytes = line.flatMap { Double($0.split(whereSeparator: \.isWhitespace)[1]) } ?? .nan
    return kibibytes / 1_048_576
  }
}
