import Foundation
import Testing

@testable import Transport

@Suite("A connection", .serialized)
struct ConnectionTests {
  private let server: Reactor
  private let client: Reactor

  init() throws {
    server = try Reactor(name: "server")
    client = try Reactor(name: "client")
  }

  private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

  @Test("both sides know who the other is, and the name asked for")
  func identities() async throws {
    let seen = Box<(PeerIdentity, String?)?>(nil)
    let listener = try Loopback.listen(on: [server]) { connection in
      let who = (connection.peer, connection.serverName)
      seen.change { $0 = who }
      return Echo()
    }
    let collector = try await Loopback.connect(to: listener.port, on: client, serverName: "Acme.ranker.example")
    await eventually("accepted") { seen.value != nil }
    #expect(seen.value?.0 == PeerIdentity(role: .platform, name: "cli"))
    #expect(seen.value?.1 == "acme.ranker.example")
    #expect(collector.peer.value == PeerIdentity(role: .ranker, name: "a"))
    listener.close()
  }

  @Test("carries bytes both ways", arguments: [1, 16_384, 16_385, 300_000, 20_000_000])
  func echo(count: Int) async throws {
    let listener = try Loopback.listen(on: [server]) { _ in Echo() }
    let collector = try await Loopback.connect(to: listener.port, on: client)
    let sent = pattern(count)
    collector.send(sent)
    await eventually("\(count) bytes back") { collector.bytes.value.count == count }
    #expect(collector.bytes.value == sent)
    listener.close()
  }

  @Test("a sender that minds the watermarks holds no more than the high one and a chunk")
  func watermarks() async throws {
    let highest = Box(0)
    let listener = try Loopback.listen(on: [server]) { _ in Source(bytes: 40 << 20, highest: highest) }
    let collector = try await Loopback.connect(to: listener.port, on: client)
    collector.send([1])
    await eventually("40 MiB arrive") { collector.bytes.value.count == 40 << 20 }
    #expect(highest.value <= Connection.highWatermark + (64 << 10))
    #expect(highest.value > Connection.highWatermark)
    listener.close()
  }

  @Test("what a delegate leaves comes again with more, up to the limit")
  func unconsumed() async throws {
    final class Hoarder: ConnectionDelegate {
      let largest: Box<Int>
      let end: Box<TransportError?>
      init(_ largest: Box<Int>, _ end: Box<TransportError?>) { (self.largest, self.end) = (largest, end) }
      func received(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> Int {
        largest.change { $0 = max($0, bytes.count) }
        return 0
      }
      func drained(_ connection: Connection) {}
      func closed(_ connection: Connection, error: TransportError?) { end.change { $0 = error } }
    }
    let largest = Box(0)
    let end = Box<TransportError?>(nil)
    let listener = try Loopback.listen(on: [server]) { _ in Hoarder(largest, end) }
    let collector = try await Loopback.connect(to: listener.port, on: client)
    collector.send(pattern(100_000))
    await eventually("all there at once") { largest.value == 100_000 }
    collector.send(pattern(2 << 20))
    await eventually("over the limit it ends") { end.value != nil }
    guard case .limit = end.value else {
      Issue.record("ended with \(String(describing: end.value))")
      return
    }
    listener.close()
  }

  @Test("closing after the flush delivers everything first")
  func closeAfterFlush() async throws {
    final class Farewell: ConnectionDelegate {
      func received(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> Int {
        connection.write { out in out.append(count: 3 << 20) { $0.initializeMemory(as: UInt8.self, repeating: 9) } }
        connection.closeAfterFlush()
        connection.write { $0.append(count: 1) { $0[0] = 0 } }
        return bytes.count
      }
      func drained(_ connection: Connection) {}
      func closed(_ connection: Connection, error: TransportError?) {}
    }
    let listener = try Loopback.listen(on: [server]) { _ in Farewell() }
    let collector = try await Loopback.connect(to: listener.port, on: client)
    collector.send([1])
    await eventually("the end") { collector.end.value != nil }
    #expect(collector.end.value == .some(.closed))
    #expect(collector.bytes.value == [UInt8](repeating: 9, count: 3 << 20))
    listener.close()
  }

  @Test("closing at once from a callback is heard by both sides, once")
  func closeInCallback() async throws {
    final class Slammer: ConnectionDelegate {
      let ends: Box<[TransportError?]>
      init(_ ends: Box<[TransportError?]>) { self.ends = ends }
      func received(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> Int {
        connection.close()
        connection.close()
        connection.write { $0.append(bytes) }
        return bytes.count
      }
      func drained(_ connection: Connection) {}
      func closed(_ connection: Connection, error: TransportError?) { ends.change { $0.append(error) } }
    }
    let ends = Box<[TransportError?]>([])
    let listener = try Loopback.listen(on: [server]) { _ in Slammer(ends) }
    let collector = try await Loopback.connect(to: listener.port, on: client)
    collector.send([1])
    await eventually("both ended") { collector.end.value != nil && !ends.value.isEmpty }
    #expect(ends.value == [nil])
    listener.close()
  }

  @Test("one that closes while it is due to be written to is let go of, and the others go on")
  func closeWhileDue() async throws {
    final class Quitter: ConnectionDelegate {
      let ends: Box<Int>
      init(_ ends: Box<Int>) { self.ends = ends }
      func received(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> Int {
        // More than a socket takes at once, so that `drained` comes in the middle of a later turn's flushes.
        connection.write { out in out.append(count: 16 << 20) { $0.initializeMemory(as: UInt8.self, repeating: 9) } }
        return bytes.count
      }
      func drained(_ connection: Connection) {
        connection.write { $0.append(count: 1) { $0[0] = 1 } }
        connection.close()
      }
      func closed(_ connection: Connection, error: TransportError?) { ends.change { $0 += 1 } }
    }
    let ends = Box(0)
    let listener = try Loopback.listen(on: [server]) { _ in Quitter(ends) }
    var quitters: [Collector] = []
    for _ in 0..<8 { quitters.append(try await Loopback.connect(to: listener.port, on: client)) }
    for quitter in quitters { quitter.send([1]) }
    await eventually("all have closed") { ends.value == 8 && quitters.allSatisfy { $0.end.value != nil } }
    let echoes = try Loopback.listen(on: [server]) { _ in Echo() }
    let other = try await Loopback.connect(to: echoes.port, on: client)
    other.send([5])
    await eventually("the reactor goes on") { other.bytes.value == [5] }
    listener.close()
    echoes.close()
  }

  @Test("hundreds of connections, opened and closed, leave no descriptor behind")
  func descriptors() async throws {
    let listener = try Loopback.listen(on: [server]) { _ in Echo() }
    let openDescriptors = { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0 }
    _ = try await Loopback.connect(to: listener.port, on: client)
    let before = openDescriptors()
    for _ in 0..<20 {
      try await withThrowingTaskGroup(of: Collector.self) { group in
        for _ in 0..<20 { group.addTask { try await Loopback.connect(to: listener.port, on: client) } }
        for try await collector in group { collector.onConnection { $0.close() } }
      }
    }
    await eventually("descriptors back to \(before)") { openDescriptors() <= before + 2 }
    listener.close()
  }

  @Test("connections over the cap are turned away, and served again when there is room")
  func cap() async throws {
    let refused = Box<[TransportError]>([])
    let limits = listenerLimits(connections: 2, handshakes: 8, handshakeTimeout: .seconds(5))
    let listener = try Loopback.listen(on: [server], limits: limits, refused: refused) { _ in Echo() }
    let first = try await Loopback.connect(to: listener.port, on: client)
    let second = try await Loopback.connect(to: listener.port, on: client)
    await #expect(throws: TransportError.self) { try await Loopback.connect(to: listener.port, on: client) }
    await eventually("told why") { refused.value.count == 1 }
    first.onConnection { $0.close() }
    await eventually("closed") { first.end.value != nil }
    var third: Collector?
    for _ in 0..<100 where third == nil { third = try? await Loopback.connect(to: listener.port, on: client) }
    #expect(third != nil)
    _ = second
    listener.close()
  }

  @Test("an identity with too many connections gets no more until one of them ends")
  func capPerIdentity() async throws {
    let refused = Box<[TransportError]>([])
    var limits = ListenerLimits.standard
    limits.connectionsPerIdentity = 1
    let listener = try Loopback.listen(on: [server], limits: limits, refused: refused) { _ in Echo() }
    let first = try await Loopback.connect(to: listener.port, on: client)
    let second = try? await Loopback.connect(to: listener.port, on: client)
    await eventually("told why") { refused.value.count == 1 }
    #expect("\(refused.value[0])".contains("has 1 connections already"))
    await eventually("turned away") { second.map { $0.end.value != nil } ?? true }
    #expect(listener.figures.openConnections == 1 && listener.figures.refused == 1)
    first.onConnection { $0.close() }
    await eventually("closed") { listener.figures.openConnections == 0 }
    let third = try await Loopback.connect(to: listener.port, on: client)
    third.send([1])
    await eventually("served") { third.bytes.value == [1] }
    listener.close()
  }

  @Test("a source that begins too many connections is turned away before any handshake")
  func capPerSource() async throws {
    let refused = Box<[TransportError]>([])
    var limits = ListenerLimits.standard
    limits.burstPerSource = 3
    limits.connectionsPerSecondPerSource = 1
    let listener = try Loopback.listen(on: [server], limits: limits, refused: refused) { _ in Echo() }
    let sockets = try (0..<6).map { _ in try Loopback.rawSocket(to: listener.port) }
    await eventually("told why") { !refused.value.isEmpty }
    #expect("\(refused.value[0])".contains("from one address"))
    #expect(listener.figures.handshakesUnderWay <= 5)
    _ = sockets
    listener.close()
  }

  @Test("connections are spread evenly over the reactors, and a port that is taken is nobody else's")
  func spread() async throws {
    let second = try Reactor(name: "second")
    let seen = Box<[ObjectIdentifier]>([])
    let listener = try Loopback.listen(on: [server, second], limits: .standard, refused: Box([])) { connection in
      let reactor = ObjectIdentifier(connection.reactor)
      seen.change { $0.append(reactor) }
      return Echo()
    }
    var clients: [Collector] = []
    for _ in 0..<8 {
      clients.append(try await Loopback.connect(to: listener.port, on: client))
      await eventually("established") { seen.value.count == clients.count }
    }
    #expect(seen.value.count { $0 == ObjectIdentifier(server) } == 4)
    #expect(throws: TransportError.self) {
      _ = try Listener(
        address: SocketAddress(host: "127.0.0.1", port: listener.port),
        context: try TLSContext(server: Certificates.files("ranker-a")), reactors: [server], accept: { _ in Echo() })
    }
    listener.close()
    for client in clients { client.onConnection { $0.close() } }
    await eventually("all gone") { listener.figures.openConnections == 0 }
    second.stop()
  }

  @Test("a handshake that never comes is given up, others are served meanwhile")
  func silentPeer() async throws {
    let refused = Box<[TransportError]>([])
    let limits = listenerLimits(connections: 100, handshakes: 4, handshakeTimeout: .milliseconds(300))
    let listener = try Loopback.listen(on: [server], limits: limits, refused: refused) { _ in Echo() }
    let silent = try (0..<3).map { _ in try Loopback.rawSocket(to: listener.port) }
    let collector = try await Loopback.connect(to: listener.port, on: client)
    collector.send([42])
    await eventually("served") { collector.bytes.value == [42] }
    await eventually("the silent ones are given up") {
      refused.value == [TransportError](repeating: .timedOut(operation: "handshake"), count: 3)
    }
    _ = silent
    listener.close()
  }
}
