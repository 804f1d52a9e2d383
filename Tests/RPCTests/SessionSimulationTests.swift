import Testing

@testable import RPC

/// Two sessions back to back, driven at random: whatever the order of sending, reading and arriving, every message
/// arrives whole and in order, and nothing gets stuck.
@Suite("Two sessions, simulated")
struct SessionSimulationTests {
  private struct Simulation {
    var random: SeededRandom
    var client = Side(.client, greeted: false)
    var server = Side(.server, greeted: false)
    /// Bytes under way.
    var toServer: [UInt8] = []
    var toClient: [UInt8] = []
    /// What each side has sent, by stream.
    var requests: [Int: [[UInt8]]] = [:]
    var responses: [Int: [[UInt8]]] = [:]
    /// Streams that the client may still send on.
    var open: [UInt32] = []
    var cancelled: Set<Int> = []

    init(seed: UInt64) {
      random = SeededRandom(seed)
      client.maximumMessageBytes = Limits.maximumMessageBytes
    }

    mutating func message() -> [UInt8] {
      let sizes = [0, 1, 30, 5_000, 70_000, 400_000]
      let size = Int.random(in: 0...sizes.randomElement(using: &random)!, using: &random)
      return [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: size)
    }

    mutating func step() throws {
      switch Int.random(in: 0..<10, using: &random) {
      case 0: call()
      case 1: request()
      case 2, 3: respond()
      case 4: if Int.random(in: 0..<10, using: &random) == 0 { cancel() }
      case 5: readSome()
      default: try move(all: false)
      }
      for side in [client, server] {
        #expect(side.session.sendCredit >= 0)
        #expect(side.session.peerCredit >= 0 && side.session.peerCredit <= Limits.initialConnectionCredit)
      }
    }

    private mutating func call() {
      guard client.session.streams.count < 40 else { return }
      let unary = Bool.random(using: &random)
      let first = unary || Bool.random(using: &random) ? message() : nil
      // A first message of no bytes on a call that goes on cannot be told from none.
      let sent = first.flatMap { unary || !$0.isEmpty ? $0 : nil }
      let stream = client.session.open(
        Int(client.session.lastStream == 0 ? 1 : client.session.lastStream + 2),
        CallOpening(method: 1, timeoutMilliseconds: 0), message: sent, last: unary, maximumMessageBytes: 1 << 20)!
      requests[Int(stream)] = sent.map { [$0] } ?? []
      if !unary { open.append(stream) }
    }

    private mutating func request() {
      guard let stream = open.randomElement(using: &random), client.session.call(stream) != nil else { return }
      if Int.random(in: 0..<4, using: &random) > 0 {
        let message = message()
        requests[Int(stream), default: []].append(message)
        client.session.send(stream, message, last: false)
      } else {
        client.session.end(stream, [])
        open.removeAll { $0 == stream }
      }
    }

    private mutating func respond() {
      guard let stream = server.session.streams.keys.sorted().randomElement(using: &random),
        server.session.streams[stream]?.sendingEnded == false
      else { return }
      // A call ends once its requests have, so that every request is due.
      let last = server.halfClosed.contains(Int(stream)) && Bool.random(using: &random)
      if last, Bool.random(using: &random) {
        server.session.end(stream, [])
      } else {
        let message = message()
        responses[Int(stream), default: []].append(message)
        server.session.send(stream, message, last: last)
      }
    }

    private mutating func cancel() {
      guard let stream = client.session.streams.keys.sorted().randomElement(using: &random) else { return }
      client.session.cancel(stream)
      cancelled.insert(Int(stream))
      open.removeAll { $0 == stream }
    }

    private mutating func readSome() {
      if let stream = server.unread.keys.sorted().randomElement(using: &random) { server.read(stream) }
      if let stream = client.unread.keys.sorted().randomElement(using: &random) { client.read(stream) }
    }

    mutating func move(all: Bool) throws {
      toServer += client.output()
      toClient += server.output()
      let forth = all ? toServer.count : min(toServer.count, Int.random(in: 0...100_000, using: &random))
      try server.feed(Array(toServer.prefix(forth)))
      toServer.removeFirst(forth)
      let back = all ? toClient.count : min(toClient.count, Int.random(in: 0...100_000, using: &random))
      try client.feed(Array(toClient.prefix(back)))
      toClient.removeFirst(back)
    }

    /// Half-closes, reads and answers everything that is left.
    mutating func finish() throws {
      for stream in open where client.session.call(stream) != nil { client.session.end(stream, []) }
      var idle = 0
      while idle < 3 {
        try move(all: true)
        for stream in server.unread.keys { server.read(stream) }
        for stream in client.unread.keys { client.read(stream) }
        for (stream, state) in server.session.streams where server.halfClosed.contains(Int(stream)) {
          if !state.sendingEnded { server.session.end(stream, []) }
        }
        let waits = client.unread.values.contains { !$0.isEmpty } || server.unread.values.contains { !$0.isEmpty }
        idle = client.session.hasOutput || server.session.hasOutput || waits ? 0 : idle + 1
      }
    }
  }

  @Test("every message arrives, whole and in order, and every call ends", arguments: 0..<30 as Range<UInt64>)
  func everythingArrives(seed: UInt64) async throws {
    var simulation = Simulation(seed: seed)
    for step in 0..<400 {
      try simulation.step()
      // Other tests wait for the same few threads.
      if step % 20 == 0 { await Task.yield() }
    }
    try simulation.finish()
    #expect(simulation.client.session.streams.isEmpty)
    #expect(simulation.server.session.streams.isEmpty)
    #expect(simulation.client.session.assemblyBytes == 0)
    #expect(simulation.server.session.assemblyBytes == 0)
    for (call, sent) in simulation.requests where !simulation.cancelled.contains(call) {
      // Compared before, so that a failure does not print megabytes.
      let requestsMatch = simulation.server.received[call] ?? [] == sent
      let responsesMatch = simulation.client.received[call] ?? [] == simulation.responses[call] ?? []
      #expect(requestsMatch && responsesMatch)
      #expect(simulation.client.ended[call] == .some(nil))
    }
    for (call, sent) in simulation.requests where simulation.cancelled.contains(call) {
      let isPrefix = sent.starts(with: simulation.server.received[call] ?? [])
      #expect(isPrefix)
    }
    // Everything was read: the senders have most of their credit again.
    for session in [simulation.client.session, simulation.server.session] {
      #expect(session.sendCredit >= Limits.initialConnectionCredit / 2)
    }
  }
}
