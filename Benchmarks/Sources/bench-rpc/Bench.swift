import CLoad
import Foundation
import Load

/// The measurements, one method each; every one starts its own servers.
struct Bench {
  let world: World
  let rounds: Int
  let seconds: Double
  let customers: Int
  /// Executable of the floor.
  let floor: String
  /// The ranker writes its answers down.
  let writesDown: Bool

  static let serverCPU = "0"
  static let shapes = [
    Shape(connections: 1, inFlight: 1), Shape(connections: 16, inFlight: 1), Shape(connections: 64, inFlight: 1),
    Shape(connections: 16, inFlight: 16), Shape(connections: 16, inFlight: 16, isPipelined: true),
  ]

  /// How a load is spread.
  struct Shape: CustomStringConvertible {
    let connections: Int
    let inFlight: Int
    var isPipelined = false

    var description: String { "\(connections) × \(inFlight)\(isPipelined ? ", pipelined" : "")" }
  }

  private var keys: [(tenant: String, customer: String)] {
    (0..<customers).map { ("bench", World.customer($0)) }
  }

  var client: TLSClient { TLSClient(folder: world.certificates, identity: "platform-cli") }

  /// A server, and what to ask it.
  struct Peer {
    let server: ServerProcess
    let port: UInt16
    let requests: Requests

    func generator(_ client: TLSClient, connections: Int) -> Generator {
      server.whileRunning { Generator(client, port: port, connections: connections, requests: requests) }
    }
  }

  /// A ranker and a Redis that hold the same answers, and a floor whose are as long. Each stands still while another is
  /// measured.
  struct Peers {
    let ranker: Peer
    let redis: Peer
    let floor: Peer
    /// Of the answers, on average.
    let answerBytes: Int

    init(_ bench: Bench) throws {
      let (ranker, rankerPort) = try bench.world.startRanker(
        cpus: Bench.serverCPU, reactors: 1, writesDown: bench.writesDown)
      let (redis, redisPort) = try bench.world.startRedis(cpus: Bench.serverCPU)
      let keys = bench.keys
      let lookups = World.lookups(keys)
      Bench.awaitAdoption(bench.client, rankerPort, lookups)
      let (sets, gets) = (Requests(.redis), Requests(.redis))
      var bytes = 0
      Generator(bench.client, port: rankerPort, connections: 1, requests: lookups).askAll { index, body in
        sets.addCommand([Array("SET".utf8), Array(keys[index].customer.utf8), Array(body)])
        bytes += body.count
      }
      Generator(bench.client, port: redisPort, connections: 1, requests: sets).askAll { _, _ in }
      for key in keys { gets.addCommand([Array("GET".utf8), Array(key.customer.utf8)]) }
      answerBytes = bytes / keys.count
      let (floor, floorPort) = try bench.world.startFloor(
        bench.floor, answerBytes: answerBytes, cpus: Bench.serverCPU)
      self.ranker = Peer(server: ranker, port: rankerPort, requests: lookups)
      self.redis = Peer(server: redis, port: redisPort, requests: gets)
      self.floor = Peer(server: floor, port: floorPort, requests: lookups)
      for server in [ranker, redis, floor] { server.pause() }
      print("\(keys.count) customers, answers of \(answerBytes) bytes on average")
    }

    /// Answers that the ranker should have written down, and those of them that it has not.
    var written: (due: Double, dropped: Double) {
      ranker.server.whileRunning {
        let dropped = ranker.server.metric("nightjar_ranker_served_dropped_total")
        return (dropped + ranker.server.metric("nightjar_ranker_served_records_total"), dropped)
      }
    }

    /// Runs both, in turns first.
    func inTurn(_ round: Int, ranker askRanker: () -> Load, redis askRedis: () -> Load) -> (ranker: Load, redis: Load) {
      if round % 2 == 0 {
        let first = ranker.server.whileRunning(askRanker)
        return (first, redis.server.whileRunning(askRedis))
      }
      let first = redis.server.whileRunning(askRedis)
      return (ranker.server.whileRunning(askRanker), first)
    }
  }

  /// Asks until the ranker has its lists: before, it answers with an error, which ends a generator.
  private static func awaitAdoption(_ client: TLSClient, _ port: UInt16, _ lookups: Requests) {
    let (end, connection) = (Date() + 60, Connection(client, port: port, wire: lookups.wire))
    while Date() < end {
      if connection.answers(0, of: lookups) { return }
      usleep(20_000)
    }
    fail("the ranker does not adopt its lists")
  }

  /// Requests a second, closed loop, for each shape of load.
  func throughput() throws {
    let peers = try Peers(self)
    print(
      "\nrequests/s, closed loop, medians of \(rounds) rounds of \(seconds) s, \(writesDown ? "with" : "without") served "
        + "records, and the generator's CPU")
    print(
      "connections × each      ranker     Redis  ranker/Redis (min … max)  floor/Redis   CPU  p50 µs: ranker, Redis  dropped"
    )
    for shape in Self.shapes {
      let ranker = peers.ranker.generator(client, connections: shape.connections)
      let redis = peers.redis.generator(client, connections: shape.connections)
      let floor = peers.floor.generator(client, connections: shape.connections)
      var pairs: [(ranker: Load, redis: Load)] = []
      var floors: [Double] = []
      let before = writesDown ? peers.written : (0, 0)
      for round in 0..<rounds {
        pairs.append(peers.inTurn(round, ranker: { run(shape, ranker) }, redis: { run(shape, redis) }))
        floors.append(peers.floor.server.whileRunning { run(shape, floor) }.rate / pairs[round].redis.rate)
      }
      let ratios = pairs.map { $0.ranker.rate / $0.redis.rate }
      print(
        shape.description.padding(toLength: 20, withPad: " ", startingAt: 0)
          + median(pairs.map(\.ranker.rate)).text(0, width: 12) + median(pairs.map(\.redis.rate)).text(0, width: 10)
          + median(ratios).text(2, width: 9) + " (\((ratios.min() ?? 0).text(2)) … \((ratios.max() ?? 0).text(2)))"
          + median(floors).text(2, width: 13) + (100 * median(pairs.map(\.ranker.generatorCPU))).text(0, width: 8)
          + " %"
          + median(pairs.map { $0.ranker.microseconds(50) }).text(0, width: 12)
          + median(pairs.map { $0.redis.microseconds(50) }).text(0, width: 7)
          + dropped(since: before, peers))
    }
  }

  /// The share of the served records since then that were dropped, because they came faster than they can be written.
  private func dropped(since before: (due: Double, dropped: Double), _ peers: Peers) -> String {
    guard writesDown else { return "      –" }
    let now = peers.written
    return (100 * (now.dropped - before.dropped) / max(1, now.due - before.due)).text(1, width: 7) + " %"
  }

  /// Turns that the two take in one round of latency: what another guest of the host takes away falls on both.
  private static let turnsARound = 10
  /// Seconds.
  private static let turnWarmup = 0.02
  /// Of latency there are so many times as many rounds as of throughput, so many times as long: what else the machine does now
  /// and then, some milliseconds each time, decides the 99th percentile, and for a while it is chance on whom that falls.
  private static let patience = 3

  /// Latency at half of what Redis or the ranker can do, whichever is less, at the same fixed rate for both.
  func latency() throws {
    let peers = try Peers(self)
    let ranker = peers.ranker.generator(client, connections: 16)
    let redis = peers.redis.generator(client, connections: 16)
    let most = (0..<3).map { round in
      peers.inTurn(
        round, ranker: { ranker.closedLoop(inFlight: 1, seconds: seconds) },
        redis: { redis.closedLoop(inFlight: 1, seconds: seconds) })
    }
    let rate = min(median(most.map(\.ranker.rate)), median(most.map(\.redis.rate))) / 2
    let (rounds, roundSeconds) = (rounds * Self.patience, seconds * Double(Self.patience))
    var pairs: [(ranker: Load, redis: Load)] = []
    for round in 0..<rounds {
      var pair = (ranker: Load(), redis: Load())
      for turn in 0..<Self.turnsARound {
        let length = roundSeconds / Double(Self.turnsARound)
        pair = peers.inTurn(
          round + turn,
          ranker: { ranker.openLoop(rate: rate, warmup: Self.turnWarmup, seconds: length, after: pair.ranker) },
          redis: { redis.openLoop(rate: rate, warmup: Self.turnWarmup, seconds: length, after: pair.redis) })
      }
      pairs.append(pair)
    }
    print(
      "\nlatency in µs, open loop at \(rate.text(0)) requests/s on 16 connections, medians of \(rounds) rounds of "
        + "\(roundSeconds) s each in \(Self.turnsARound) turns")
    print("               p50       p99     p99.9")
    for (name, loads) in [("ranker", pairs.map(\.ranker)), ("Redis ", pairs.map(\.redis))] {
      print(
        "\(name)  "
          + [50, 99, 99.9].map { at in median(loads.map { $0.microseconds(at) }).text(0, width: 10) }.joined())
    }
    let ratios = pairs.map { $0.ranker.microseconds(99) / $0.redis.microseconds(99) }
    print(
      "p99, ranker / Redis: \(median(ratios).text(2)) (\((ratios.min() ?? 0).text(2)) … "
        + "\((ratios.max() ?? 0).text(2)))")
    guard writesDown else { return }
    let written = peers.written
    print("of \(written.due.text(0)) served records, dropped: \(written.dropped.text(0))")
  }

  /// Heap allocations of the ranker for each lookup.
  func allocations(library: String) throws {
    let file = "\(world.folder)/allocations"
    let (ranker, port) = try world.startRanker(
      cpus: Self.serverCPU, reactors: 1, environment: ["LD_PRELOAD": library, "MALLOC_COUNT_FILE": file])
    defer { ranker.stop() }
    let lookups = World.lookups(keys)
    Self.awaitAdoption(client, port, lookups)
    func count() -> Double {
      let bytes = FileManager.default.contents(atPath: file) ?? Data()
      return Double(bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
    precondition(count() > 0, "nothing is counted: is \(library) built?")
    print("\nheap allocations of the ranker in each lookup, everything that runs beside it included")
    for shape in Self.shapes {
      let generator = Generator(client, port: port, connections: shape.connections, requests: lookups)
      _ = run(shape, generator)
      let before = count()
      let load = run(shape, generator, warmup: 0)
      print("\(shape): \(((count() - before) / Double(load.answers)).text(4))")
    }
  }

  /// Memory of connections that nobody uses.
  func idle() throws {
    let connections = 2_000
    let (ranker, rankerPort) = try world.startRanker(cpus: Self.serverCPU, reactors: 1)
    let (redis, redisPort) = try world.startRedis(cpus: Self.serverCPU)
    let lookups = World.lookups([("bench", World.customer(0))])
    Self.awaitAdoption(client, rankerPort, lookups)
    let pings = Requests(.redis)
    pings.addCommand([Array("PING".utf8)])
    print("\nmemory of \(connections) idle connections after one request each")
    for (server, port, requests) in [(ranker, rankerPort, lookups), (redis, redisPort, pings)] {
      let before = server.privateBytes
      let open = (0..<connections).map { _ in
        usleep(5_000)
        let connection = Connection(client, port: port, wire: requests.wire)
        connection.ask(requests)
        return connection
      }
      // Time for what is only for connections in use to be given back.
      sleep(5)
      print("\(server.name): \((Double(server.privateBytes - before) / Double(open.count) / 1024).text(1)) KiB each")
    }
  }

  /// What a storm of new connections does to the latency of those that stand.
  func storm() throws {
    let perSecond = 200.0
    let (ranker, port) = try world.startRanker(cpus: "0,1", reactors: 2)
    defer { ranker.stop() }
    let lookups = World.lookups(keys)
    Self.awaitAdoption(client, port, lookups)
    let generator = Generator(client, port: port, connections: 16, requests: lookups)
    let rate = 5_000.0
    var pairs: [(calm: Load, storm: Load)] = []
    var handshakes = 0
    for _ in 0..<rounds {
      let calm = generator.openLoop(rate: rate, sleeping: true, seconds: seconds)
      let storm = Storm(client, port: port, perSecond: perSecond)
      pairs.append((calm, generator.openLoop(rate: rate, sleeping: true, seconds: seconds)))
      handshakes += storm.stop()
    }
    print("\nlatency in µs at \(rate.text(0)) requests/s, server on both processors, medians of \(rounds) rounds")
    print("                  p50       p99     p99.9")
    for (name, loads) in [("calm     ", pairs.map(\.calm)), ("handshakes", pairs.map(\.storm))] {
      print(
        "\(name) " + [50, 99, 99.9].map { at in median(loads.map { $0.microseconds(at) }).text(0, width: 10) }.joined())
    }
    print(
      "\((Double(handshakes) / (Double(rounds) * (seconds + 0.2))).text(0)) handshakes/s, aimed at \(perSecond.text(0))"
    )
    print("p99, with / without: \(median(pairs.map { $0.storm.microseconds(99) / $0.calm.microseconds(99) }).text(2))")
  }

  func run(_ shape: Shape, _ generator: Generator, warmup: Double = 0.1) -> Load {
    generator.closedLoop(inFlight: shape.inFlight, pipelined: shape.isPipelined, warmup: warmup, seconds: seconds)
  }
}

/// Opens and closes connections at a rate, on a thread that gives way to the load's own.
private final class Storm: @unchecked Sendable {
  // Sendable, because the counter is read only after the thread has ended.
  private let client: TLSClient
  private let port: UInt16
  private let interval: Double
  private let ended = DispatchSemaphore(value: 0)
  private let stopping = NSLock()
  private var isStopping = false
  private var count = 0

  init(_ client: TLSClient, port: UInt16, perSecond: Double) {
    self.client = client
    self.port = port
    interval = 1 / perSecond
    Thread { [self] in run() }.start()
  }

  private func run() {
    load_unpin()
    load_lower_priority()
    let start = Date()
    while !stopping.withLock({ isStopping }) {
      _ = client.connect(port: port, wire: .nightjar)
      count += 1
      let wait = start.timeIntervalSinceNow + Double(count) * interval
      if wait > 0 { Thread.sleep(forTimeInterval: wait) }
    }
    ended.signal()
  }

  /// Ends the storm; how many connections it opened.
  func stop() -> Int {
    stopping.withLock { isStopping = true }
    ended.wait()
    return count
  }
}
