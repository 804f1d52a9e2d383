import CLoad
import Foundation
import Load

/// The measurements, one method each.
struct RankerBench {
  let world: World
  let rounds: Int
  let seconds: Double

  private static let cpus = "0,1"
  private static let plainRate = 5_000.0

  private var client: TLSClient { TLSClient(folder: world.certificates, identity: "platform-cli") }

  private func awaitAnswers(_ port: UInt16, _ requests: Requests, from first: Int = 0) {
    let (end, connection) = (Date() + 600, Connection(client, port: port, wire: requests.wire))
    for index in first..<requests.count {
      while !connection.answers(index, of: requests) {
        guard Date() < end else { fail("the ranker does not adopt its lists") }
        usleep(2_000)
      }
    }
  }

  /// Lookups that tell of 10 acts over 10,000 products, and what one such for ten others does to the others.
  func context() throws {
    let (products, customers) = (10_000, 2_000)
    try world.publish(tenant: "bench", bake: "b1", customers: customers, products: products, factors: 64)
    // The ranker and what it computes on one processor, the load on the other.
    let (ranker, port) = try world.startRanker(cpus: "0", reactors: 1)
    load_pin(1)
    defer {
      ranker.stop()
      load_unpin()
    }
    let keys = (0..<customers).map { ("bench", World.customer($0)) }
    awaitAnswers(port, World.lookups([keys[0]]))
    let asking = Generator(
      client, port: port, connections: 4, requests: World.contexts(keys, acts: 10, products: products))
    let alone = (0..<rounds).map { _ in asking.openLoop(rate: 200, seconds: seconds) }
    print("\nlatency in µs of lookups with 10 acts over \(products) products, 64 factors, 200 a second")
    show([("re-ranked", alone)])

    let generator = Generator(client, port: port, connections: 16, requests: World.lookups(keys))
    var pairs: [(calm: Load, busy: Load)] = []
    for _ in 0..<rounds {
      let calm = generator.openLoop(rate: Self.plainRate, seconds: seconds, beside: (asking, every: .max))
      pairs.append((calm, generator.openLoop(rate: Self.plainRate, seconds: seconds, beside: (asking, every: 10))))
    }
    print(
      "\nlatency in µs of plain lookups at \(Self.plainRate.text(0)) a second, alone and beside a tenth as many re-ranked"
    )
    show([("alone", pairs.map(\.calm)), ("beside", pairs.map(\.busy))])
    print("p99, beside / alone: \(ratio(pairs.map { ($0.busy, $0.calm) }))")
  }

  /// 1,000 swaps across 100 tenants, under lookups at half of what the ranker can do: six times as many a second as when
  /// 4,000 tenants get their lists in twenty minutes.
  func swaps() throws {
    let (tenants, customers) = (100, 500)
    let (wanted, perSecond) = (1_000.0, 20.0)
    let seconds = wanted / perSecond / Double(rounds)
    let publications = try (0..<tenants).map { tenant in
      try ["b1", "b2"].map {
        try world.publish(tenant: "t\(tenant)", bake: $0, customers: customers, routed: $0 == "b1")
      }
    }
    // The ranker and what it does besides on one processor, the load on the other.
    let (ranker, port) = try world.startRanker(cpus: "0", reactors: 1)
    load_pin(1)
    defer {
      ranker.stop()
      load_unpin()
    }
    awaitAnswers(port, World.lookups((0..<tenants).map { ("t\($0)", World.customer(0)) }))
    let keys = (0..<tenants * 50).map { ("t\($0 % tenants)", World.customer($0 / tenants)) }
    let generator = Generator(client, port: port, connections: 16, requests: World.lookups(keys))
    let most = median((0..<3).map { _ in generator.closedLoop(inFlight: 1, seconds: 2).rate })
    var pairs: [(calm: Load, swapped: Load)] = []
    let counter = Counter(0)
    for _ in 0..<rounds {
      let calm = generator.openLoop(rate: most / 2, sleeping: true, seconds: seconds)
      let background = Background { [world] stopping in
        load_unpin()
        load_lower_priority()
        while !stopping() {
          let swap = counter.next()
          world.route(to: publications[swap % tenants][(swap / tenants + 1) % 2])
          usleep(UInt32(1e6 / perSecond))
        }
      }
      pairs.append((calm, generator.openLoop(rate: most / 2, sleeping: true, seconds: seconds)))
      background.stop()
    }
    print(
      "\nlatency in µs at \((most / 2).text(0)) lookups a second, half of the most; \(counter.value) swaps, "
        + "\(perSecond.text(0)) a second; no lookup failed")
    show([("without swaps", pairs.map(\.calm)), ("with swaps", pairs.map(\.swapped))])
    print("p99, with / without: \(ratio(pairs.map { ($0.swapped, $0.calm) }))")
  }

  /// How long a ranker takes from its start to its first answer, and until it answers for every tenant.
  func cold(tenants: Int) throws {
    let customers = 2_000
    for tenant in 0..<tenants {
      try world.publish(tenant: "t\(tenant)", bake: "b1", customers: customers, products: 300)
    }
    let requests = World.lookups((0..<tenants).map { ("t\($0)", World.customer($0 % customers)) })
    print(
      "\n\(tenants) tenants of \(customers) customers with 50 entries each: seconds to the first answer, and to all tenants'"
    )
    for name in ["from the store", "from its cache", "from its cache"] {
      let start = Date()
      let (ranker, port) = try world.startRanker(cpus: Self.cpus, reactors: 2)
      let connection = Connection(client, port: port, wire: requests.wire)
      while !connection.answers(tenants / 2, of: requests) { usleep(1_000) }
      let first = -start.timeIntervalSinceNow
      awaitAnswers(port, requests)
      let all = -start.timeIntervalSinceNow
      let (own, resident) = (Double(ranker.privateBytes) / 1e6, Double(ranker.residentBytes) / 1e6)
      print(
        "\(name): \(first.text(2)) s, \(all.text(2)) s; resident \(resident.text(0)) MB, of which its own \(own.text(0)) MB"
      )
      ranker.stop()
    }
  }

  /// How many lists of ten go over one stream of an export in a minute.
  func export() async throws {
    let customers = 100_000
    try world.publish(tenant: "bench", bake: "b1", customers: customers)
    let (ranker, port) = try world.startRanker(cpus: Self.cpus, reactors: 2)
    defer { ranker.stop() }
    awaitAnswers(port, World.lookups([("bench", World.customer(0))]))
    var rates: [Double] = []
    for _ in 0..<rounds {
      let start = Date()
      let lists = try await world.exportLists(of: "bench", port: port)
      guard lists == customers else { fail("\(lists) of \(customers) lists came") }
      rates.append(Double(lists) / -start.timeIntervalSinceNow * 60)
    }
    print("\nlists of an export, 10 products each, a minute: \(median(rates).text(0))")
  }

  private func show(_ rows: [(name: String, loads: [Load])]) {
    print("                   p50       p99     p99.9")
    for (name, loads) in rows {
      let columns = [50, 99, 99.9].map { at in median(loads.map { $0.microseconds(at) }).text(0, width: 10) }
      print(name.padding(toLength: 13, withPad: " ", startingAt: 0) + columns.joined())
    }
  }

  private func ratio(_ pairs: [(Load, Load)]) -> String {
    median(pairs.map { $0.0.microseconds(99) / $0.1.microseconds(99) }).text(2)
  }
}

/// Work on a thread of its own until it is stopped.
private final class Background: @unchecked Sendable {
  // Sendable, because the flag is behind a lock.
  private let ended = DispatchSemaphore(value: 0)
  private let lock = NSLock()
  private var isStopping = false

  init(_ body: @escaping (() -> Bool) -> Void) {
    nonisolated(unsafe) let body = body
    Thread { [self] in
      body { [self] in lock.withLock { isStopping } }
      ended.signal()
    }.start()
  }

  func stop() {
    lock.withLock { isStopping = true }
    ended.wait()
  }
}

/// A count that two threads take turns at.
private final class Counter: @unchecked Sendable {
  // Sendable, because it is behind a lock.
  private let lock = NSLock()
  private(set) var value: Int

  init(_ value: Int) { self.value = value }

  func next() -> Int {
    lock.withLock {
      value += 1
      return value - 1
    }
  }
}
