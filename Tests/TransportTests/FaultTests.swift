import Foundation
import Glibc
import Testing

@testable import Transport

@Suite("What peers do wrong", .serialized)
struct FaultTests {
  private let server: Reactor
  private let client: Reactor

  init() throws {
    server = try Reactor(name: "server")
    client = try Reactor(name: "client")
  }

  private func expectServed(_ port: UInt16) async throws {
    let next = try await Loopback.connect(to: port, on: client)
    next.send([1])
    await eventually("the next is served") { next.bytes.value == [1] }
    next.onConnection { $0.close() }
  }

  enum Ending: CaseIterable { case reset, hangUp, garbage, goodbye }

  @Test("an abrupt end is told for what it was, and the next is served", arguments: Ending.allCases)
  func abruptEnds(ending: Ending) async throws {
    let ends = Box<[TransportError?]>([])
    let listener = try Loopback.listen(on: [server]) { _ in
      Echo { error in ends.change { $0.append(error) } }
    }
    defer { listener.close() }
    let peer = try RawPeer(to: listener.port)
    peer.send([1, 2, 3])
    switch ending {
    case .reset: peer.reset()
    case .hangUp: peer.hangUp()
    case .garbage: peer.sendGarbage()
    case .goodbye: peer.session.sayGoodbye()
    }
    await eventually("told") { !ends.value.isEmpty }
    try #require(ends.value.count == 1)
    switch (ending, ends.value[0]) {
    case (.hangUp, .closed?), (.goodbye, .closed?), (.garbage, .tls?): break
    case (.reset, .system(_, let code)?): #expect(code == ECONNRESET || code == EPIPE)
    default: Issue.record("\(ending) was told as \(String(describing: ends.value[0]))")
    }
    try await expectServed(listener.port)
  }

  @Test("what is no handshake is refused, and the next is served")
  func noHandshake() async throws {
    let refused = Box<[TransportError]>([])
    let listener = try Loopback.listen(on: [server], refused: refused) { _ in Echo() }
    defer { listener.close() }
    Loopback.sendPlain(Array("GET / HTTP/1.1\r\n\r\n".utf8), on: try Loopback.rawSocket(to: listener.port))
    await eventually("HTTP is refused") { refused.value.count == 1 }
    // A record header that announces more than TLS allows.
    Loopback.sendPlain([0x16, 3, 1, 0xff, 0xff], on: try Loopback.rawSocket(to: listener.port))
    await eventually("an oversized record is refused") { refused.value.count == 2 }
    let halfway = try Loopback.rawSocket(to: listener.port)
    Loopback.sendPlain([0x16, 3, 1, 2, 0, 1], on: halfway)
    Loopback.reset(halfway)
    await eventually("a reset in the handshake is refused") { refused.value.count == 3 }
    try await expectServed(listener.port)
  }

  @Test("the last bytes arrive although the peer goes on sending")
  func lastBytesUnderFire() async throws {
    final class Farewell: ConnectionDelegate {
      func received(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> Int {
        connection.write { out in out.append(count: 500_000) { $0.initializeMemory(as: UInt8.self, repeating: 9) } }
        connection.closeAfterFlush()
        return bytes.count
      }
      func drained(_ connection: Connection) {}
      func closed(_ connection: Connection, error: TransportError?) {}
    }
    let listener = try Loopback.listen(on: [server]) { _ in Farewell() }
    defer { listener.close() }
    for _ in 0..<20 {
      let peer = try RawPeer(to: listener.port)
      // It is still sending when the farewell has long been sent.
      for _ in 0..<400 { peer.send([UInt8](repeating: 1, count: 16_000)) }
      let (bytes, end) = peer.receiveToEnd()
      #expect(bytes == 500_000)
      #expect(end == .closed)
    }
  }

  @Test("a delegate may close its connection before it has begun", arguments: [false, true])
  func closeInAccept(afterFlush: Bool) async throws {
    let ends = Box<[TransportError?]>([])
    let listener = try Loopback.listen(on: [server]) { connection in
      connection.write { $0.append(count: 1) { $0[0] = 7 } }
      if afterFlush { connection.closeAfterFlush() } else { connection.close() }
      return Echo { error in ends.change { $0.append(error) } }
    }
    defer { listener.close() }
    for count in 1...20 {
      do {
        let peer = try RawPeer(to: listener.port)
        peer.send([1])
        #expect(peer.receiveToEnd().bytes == (afterFlush ? 1 : 0))
      }
      await eventually("told once") { ends.value.count == count }
    }
    #expect(ends.value.allSatisfy { $0 == nil })
  }

  @Test("an OpenSSL error that others left on the thread ends no connection")
  func foreignErrors() async throws {
    final class Careless: ConnectionDelegate {
      func received(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> Int {
        leaveOpenSSLError()
        connection.write { $0.append(bytes) }
        return bytes.count
      }
      func drained(_ connection: Connection) {}
      func closed(_ connection: Connection, error: TransportError?) {}
    }
    let listener = try Loopback.listen(on: [server]) { _ in Careless() }
    defer { listener.close() }
    let collector = try await Loopback.connect(to: listener.port, on: client)
    for count in 1...50 {
      collector.send([1])
      await eventually("answered") { collector.bytes.value.count == count || collector.end.value != nil }
    }
    #expect(collector.end.value == nil)
    try Handshake.reactor().execute { leaveOpenSSLError() }
    try await expectServed(listener.port)
  }

  @Test("out of descriptors, the listener turns connections away and then goes on")
  func outOfDescriptors() async {
    // Once a second libdispatch opens files in /proc to see what its threads do, and stops a process that cannot: an
    // attempt that it stops says nothing.
    var hasPassed = false
    for _ in 0..<5 where !hasPassed {
      await withKnownIssue(isIntermittent: true) {
        hasPassed = await outOfDescriptorsOnce() != nil
      } matching: {
        "\($0)".contains("SIGILL")
      }
    }
    #expect(hasPassed)
  }

  private func outOfDescriptorsOnce() async -> ExitTest.Result? {
    await #expect(processExitsWith: .success) {
      // Its own descriptors it opens with the first sleep that is not over before it begins.
      try await Task.sleep(for: .milliseconds(200))
      let server = try Reactor(name: "server")
      let refused = Box<[TransportError]>([])
      let listener = try Loopback.listen(on: [server], refused: refused) { _ in Echo() }
      let client = try Reactor(name: "client")
      let first = try await Loopback.connect(to: listener.port, on: client)
      let address = try SocketAddress(host: Loopback.host, port: listener.port).resolve()[0]
      let sockets = try (0..<5).map { _ in
        try Descriptor(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), operation: "socket")
      }
      // The limit is on their numbers, and this process has inherited some.
      let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { UInt($0) }
      let most = rlim_t((open.max() ?? 0) + 40)
      var limit = rlimit(rlim_cur: most, rlim_max: most)
      try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      var fill: [Int32] = []
      while case let raw = Glibc.open("/dev/null", O_RDONLY), raw >= 0 { fill.append(raw) }
      for socket in sockets {
        _ = address.withPointer { Glibc.connect(socket.raw, $0, $1) }
        var byte: UInt8 = 0
        try #require(recv(socket.raw, &byte, 1, 0) <= 0)
      }
      await eventually("told why") { refused.value.count == 5 }
      first.send([1])
      await eventually("who was there is served") { first.bytes.value == [1] }
      for raw in fill { close(raw) }
      let next = try await Loopback.connect(to: listener.port, on: client)
      next.send([2])
      await eventually("the next is served") { next.bytes.value == [2] }
    }
  }
}

@Suite("Connecting", .serialized)
struct ConnectTests {
  private let server: Reactor
  private let client: Reactor

  init() throws {
    server = try Reactor(name: "server")
    client = try Reactor(name: "client")
  }

  private func outcome(of address: SocketAddress, timeout: Duration) async throws -> TransportError? {
    let context = try TLSContext(client: Certificates.files("platform-cli"))
    return await withCheckedContinuation { done in
      Transport.connect(
        to: address, serverName: nil, context: context, on: client, timeout: timeout,
        accept: { connection in
          connection.close()
          done.resume(returning: nil)
          return Echo()
        }, failed: { done.resume(returning: $0) })
    }
  }

  @Test("a name with several addresses is tried to the one that answers")
  func name() async throws {
    let listener = try Loopback.listen(on: [server]) { _ in Echo() }
    defer { listener.close() }
    #expect(try await outcome(of: SocketAddress(host: "localhost", port: listener.port), timeout: .seconds(10)) == nil)
  }

  @Test("a server that never speaks is given up in time")
  func mute() async throws {
    let (socket, port) = try Loopback.mute()
    let error = try await outcome(of: SocketAddress(host: Loopback.host, port: port), timeout: .milliseconds(200))
    guard case .timedOut = error else {
      Issue.record("ended with \(String(describing: error))")
      return
    }
    _ = socket
  }

  @Test("a name that nobody has is said to be none")
  func noName() async throws {
    let error = try await outcome(of: SocketAddress(host: "nobody.invalid", port: 1), timeout: .seconds(15))
    guard case .invalid(let text) = error else {
      Issue.record("ended with \(String(describing: error))")
      return
    }
    #expect(text.contains("nobody.invalid"))
  }
}
