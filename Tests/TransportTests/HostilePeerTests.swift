import Foundation
import Testing

@testable import Transport

@Suite("Peers that mean no good", .serialized)
struct HostilePeerTests {
  private let server: Reactor
  private let client: Reactor

  init() throws {
    server = try Reactor(name: "server")
    client = try Reactor(name: "client")
  }

  /// Consumes all but `leaving` bytes, slowly, and notes what it is handed.
  private final class Taker: ConnectionDelegate {
    /// Sizes of what was handed out, and in which turn of the reactor.
    let seen: Box<[(bytes: Int, turn: Int)]>
    private let turn: Box<Int>
    private let leaving: Int
    private let microseconds: UInt32

    init(_ seen: Box<[(bytes: Int, turn: Int)]>, turn: Box<Int>, leaving: Int = 0, microseconds: UInt32 = 0) {
      (self.seen, self.turn, self.leaving, self.microseconds) = (seen, turn, leaving, microseconds)
    }

    func received(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> Int {
      usleep(microseconds)
      let now = turn.value
      seen.change { $0.append((bytes.count, now)) }
      return bytes.count - leaving
    }

    func drained(_ connection: Connection) {}
    func closed(_ connection: Connection, error: TransportError?) {}
  }

  /// Counts a reactor's turns until `done` holds: a job that a job hands in is the next turn's.
  private static func count(_ turn: Box<Int>, of reactor: Reactor, until done: Box<Bool>) {
    reactor.execute {
      turn.change { $0 += 1 }
      if !done.value { count(turn, of: reactor, until: done) }
    }
  }

  @Test("a flood gets the same share of every turn, however long it lasts")
  func share() async throws {
    let seen = Box<[(bytes: Int, turn: Int)]>([])
    let turn = Box(0)
    let done = Box(false)
    let listener = try Loopback.listen(on: [server]) { _ in Taker(seen, turn: turn, leaving: 1, microseconds: 300) }
    let collector = try await Loopback.connect(to: listener.port, on: client)
    Self.count(turn, of: server, until: done)
    let total = 8 << 20
    collector.send([UInt8](repeating: 1, count: total))
    await eventually("all arrives") { seen.value.reduce(1) { $0 + $1.bytes - 1 } == total }
    done.change { $0 = true }
    let inOneTurn = Dictionary(grouping: seen.value, by: \.turn).values.map(\.count).max()
    #expect(try #require(inOneTurn) <= 8)
    listener.close()
  }

  @Test("tiny records are handed out a few at a time")
  func tinyRecords() async throws {
    let seen = Box<[(bytes: Int, turn: Int)]>([])
    let accepted = Box(false)
    let listener = try Loopback.listen(on: [server]) { _ in
      accepted.change { $0 = true }
      return Taker(seen, turn: Box(0))
    }
    let collector = try await Loopback.connect(to: listener.port, on: client)
    await eventually("accepted") { accepted.value }
    let hold = DispatchSemaphore(value: 0)
    server.execute { hold.wait() }
    let left = Box(2_000)
    @Sendable func sendOne(_ connection: Connection) {
      connection.write { $0.append(count: 1) { $0[0] = 7 } }
      left.change { $0 -= 1 }
      if left.value > 0 { collector.onConnection(sendOne) }
    }
    collector.onConnection(sendOne)
    await eventually("all are on their way") { left.value == 0 }
    hold.signal()
    await eventually("all arrive") { seen.value.reduce(0) { $0 + $1.bytes } == 2_000 }
    #expect(seen.value.allSatisfy { $0.bytes <= 64 })
    listener.close()
  }

  @Test("a flood of key updates, which carry no data, ends its connection")
  func keyUpdates() async throws {
    let end = Box<TransportError??>(nil)
    let listener = try Loopback.listen(on: [server]) { _ in Echo { error in end.change { $0 = .some(error) } } }
    // s_client takes each piece of its input that begins with 'k' for the command to update its key.
    let identity = "-cert \(Certificates.folder)/platform-cli.pem -key \(Certificates.folder)/platform-cli-key.pem"
    Certificates.shell(
      "(sleep 1; yes k | head -c 40000000) | timeout 30 openssl s_client -connect 127.0.0.1:\(listener.port) "
        + "-CAfile \(Certificates.folder)/ca.pem -alpn nightjar/1 \(identity) >/dev/null 2>&1 || true")
    await eventually("ended") { end.value != nil }
    guard case .limit = end.value else {
      Issue.record("ended with \(String(describing: end.value))")
      return
    }
    let next = try await Loopback.connect(to: listener.port, on: client)
    next.send([1])
    await eventually("the next is served") { next.bytes.value == [1] }
    listener.close()
  }

  @Test("handshakes that never end do not keep others out for as long as they may take")
  func silentCrowd() async throws {
    let limits = listenerLimits(connections: 100, handshakes: 4, handshakeTimeout: .seconds(3600))
    let listener = try Loopback.listen(on: [server], limits: limits) { _ in Echo() }
    let silent = try (0..<4).map { _ in try Loopback.rawSocket(to: listener.port) }
    let collector = try await Loopback.connect(to: listener.port, on: client)
    collector.send([1])
    await eventually("served") { collector.bytes.value == [1] }
    _ = silent
    listener.close()
  }

  @Test("whoever holds places of others in vain is turned away for a while, and nobody else")
  func payingCrowd() async throws {
    var limits = listenerLimits(connections: 100, handshakes: 4, handshakeTimeout: .seconds(3600))
    limits.burstPerSource = 8
    limits.connectionsPerSecondPerSource = 1
    let refused = Box<[TransportError]>([])
    let listener = try Loopback.listen(on: [server], limits: limits, refused: refused) { _ in Echo() }
    let silent = try (0..<4).map { _ in try Loopback.rawSocket(to: listener.port, from: "127.0.0.2") }
    await eventually("two are given up") {
      refused.value == [TransportError](repeating: .timedOut(operation: "handshake"), count: 2)
    }
    let more = try Loopback.rawSocket(to: listener.port, from: "127.0.0.2")
    await eventually("turned away") {
      if case .limit = refused.value.last { true } else { false }
    }
    let collector = try await Loopback.connect(to: listener.port, on: client)
    collector.send([1])
    await eventually("served") { collector.bytes.value == [1] }
    _ = (silent, more)
    listener.close()
  }

  @Test("a connection that is over gives its descriptor back, whoever holds it")
  func heldConnections() async throws {
    let held = Held()
    let ends = Box(0)
    let listener = try Loopback.listen(on: [server]) { connection in
      held.connections.append(connection)
      return Echo { _ in ends.change { $0 += 1 } }
    }
    for _ in 0..<5 {
      let collector = try await Loopback.connect(to: listener.port, on: client)
      collector.send([1])
      await eventually("served") { collector.bytes.value == [1] }
      collector.onConnection { $0.close() }
    }
    await eventually("all ended") { ends.value == 5 }
    await eventually("only the listener's socket is open") { Loopback.openSockets(at: listener.port) == 1 }
    #expect(held.connections.count == 5)
    server.execute { for connection in held.connections { connection.write { $0.append(count: 1) { $0[0] = 0 } } } }
    server.execute { for connection in held.connections { connection.close() } }
    listener.close()
  }

  private final class Held: @unchecked Sendable {
    // Sendable, because the server's reactor fills it before the test reads it.
    var connections: [Connection] = []
  }
}
