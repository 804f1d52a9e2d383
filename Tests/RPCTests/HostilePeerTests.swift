import Dispatch
import Logging
import Messages
import Testing
import Transport

@testable import RPC

@Suite("Peers that mean no good")
struct HostilePeerTests {
  private let echo = routes { router in
    router.unary(TestService.unary) { request, _ in blob(request.grant) }
    router.onReactor(TestService.onReactor) { request, response, _ throws(RPCError) in response.grant = request.grant }
  }

  /// A CALL of the method.
  private static func header(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
    var bytes = FrameHeader(.ping).encoded
    change(&bytes)
    return bytes
  }

  static let poison: [(String, [UInt8])] = [
    ("noise", [UInt8](repeating: 0xa5, count: 4_000)),
    ("HTTP", Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)),
    ("no HELLO", frame(.ping, body: [UInt8](repeating: 0, count: 8))),
    ("a frame of 4 GiB", helloFrame + header { for index in 20..<24 { $0[index] = 0xff } }),
    ("another version", helloFrame + header { $0[0] = 9 }),
    ("an unknown type", helloFrame + header { $0[1] = 99 }),
    ("a stream twice", helloFrame + frame(.call, stream: 1) + frame(.call, stream: 1)),
    ("END_STREAM and MORE", helloFrame + frame(.call, [.endStream, .more], stream: 1, body: [1])),
  ]

  @Test("bytes that break the protocol end their connection, with a reason, and harm nobody else", arguments: poison)
  func poisoned(name: String, bytes: [UInt8]) async throws {
    try await withService(echo) { channel, server in
      let peer = try await RawPeer.client(to: server.port)
      peer.send(bytes)
      await until("the connection is closed") { peer.isClosed }
      let last = try #require(peer.frames.last)
      #expect(last.header.type == .goAway)
      let reason = try Encoded<Proto.GoAway>(unchecked: last.body).decode().reason
      #expect(!reason.isEmpty)
      try await #expect(channel.text(TestService.unary, "fine") == "fine")
    }
  }

  @Test("an unfinished request costs nothing when its client goes")
  func halfFrames() async throws {
    try await withService(echo) { channel, server in
      for _ in 0..<20 {
        let peer = try await RawPeer.client(to: server.port)
        peer.send(helloFrame + call(TestService.unary, .more, stream: 1, [0x0a, 5]) + [1, 2, 0, 0])
        await until("the server has greeted") { !peer.frames.isEmpty }
        peer.close()
      }
      try await #expect(channel.text(TestService.unary, "fine") == "fine")
    }
  }

  @Test("messages that are begun and not ended have a limit over all connections, and are forgotten with them")
  func manyBeginnings() async throws {
    var limits = ServerLimits.standard
    limits.maximumAssemblyBytes = 100_000
    try await withService(echo, limits: limits) { channel, server in
      let half = call(TestService.unary, .more, stream: 1, [UInt8](repeating: 7, count: 60_000))
      let first = try await RawPeer.client(to: server.port)
      first.send(helloFrame + half + call(TestService.unary, .endStream, stream: 3, []))
      await until("the first is taken") { first.frames.contains { $0.header.stream == 3 } }
      let second = try await RawPeer.client(to: server.port)
      second.send(helloFrame + half)
      await until("the second is refused") { second.status(1) != nil }
      #expect(second.status(1)?.code == .resourceExhausted && second.status(1)?.retryAfter != nil)
      try await #expect(channel.text(TestService.unary, "fine") == "fine")
      first.close()
      // As soon as the first is gone there is room: a message of several frames comes through.
      let long = String(repeating: "x", count: 90_000)
      await until("there is room again") { (try? await channel.text(TestService.unary, long)) == long }
      second.close()
    }
  }

  @Test(
    "answers to calls that were all taken before the first was answered wait for credit up to the limit, no further")
  func manyAnswersWithoutCredit() async throws {
    let (gate, waiting) = (Gate(), Counter())
    let (size, calls) = (8 << 20, 30)
    let router = routes { router in
      router.unary(TestService.unary) { _, _ in
        waiting.add()
        try await gate.wait()
        return blob([UInt8](repeating: 1, count: size))
      }
    }
    let server = try serve(router)
    let peer = try await RawPeer.client(to: server.port)
    peer.send(
      (0..<calls).reduce(into: helloFrame) { $0 += call(TestService.unary, .endStream, stream: UInt32(2 * $1 + 1), []) }
    )
    await until("all are taken") { waiting.value == calls }
    gate.open()
    let most = Limits.maximumQueuedAnswerBytes / size + 1
    func refused() -> Int { (0..<calls).filter { peer.status(UInt32(2 * $0 + 1))?.code == .resourceExhausted }.count }
    await until("the others are refused") { refused() >= calls - most - 1 }
    #expect(refused() < calls - 1)
    peer.close()
    await server.shutdown(grace: .zero)
  }

  @Test("calls over the limit in flight are refused one by one")
  func tooManyCalls() async throws {
    let gate = Gate()
    let router = routes { router in
      router.unary(TestService.unary) { request, _ in
        try await gate.wait()
        return blob(request.grant)
      }
    }
    let server = try serve(router)
    let peer = try await RawPeer.client(to: server.port)
    let count = UInt32(Limits.maximumStreams + 5)
    peer.send(
      (0..<count).reduce(into: helloFrame) { $0 += call(TestService.unary, .endStream, stream: 2 * $1 + 1, []) })
    await until("five are refused") { peer.frames.filter { $0.header.type == .end }.count == 5 }
    #expect(peer.status(2 * count - 1)?.code == .resourceExhausted)
    #expect(peer.status(2 * count - 1)?.retryAfter != nil)
    gate.open()
    await until("the others are answered") {
      peer.frames.filter { $0.header.type == .message }.count == Limits.maximumStreams
    }
    peer.close()
    await server.shutdown(grace: .seconds(5))
  }

  @Test("calls that are cancelled at once leave nothing behind, and a flood of them ends the connection")
  func rapidReset() async throws {
    let running = Counter()
    let router = routes { router in
      router.unary(TestService.unary) { _, _ in
        running.add()
        defer { running.add(-1) }
        #expect(running.value <= Limits.maximumStreams)
        try await waitForCancellation()
        return blob("")
      }
      router.onReactor(TestService.onReactor) { request, response, _ throws(RPCError) in response.grant = request.grant
      }
    }
    func flood(_ streams: Range<Int>) -> [UInt8] {
      streams.flatMap { index in
        let stream = UInt32(2 * index + 1)
        return call(TestService.unary, .endStream, stream: stream, []) + frame(.cancel, stream: stream)
      }
    }
    try await withService(router) { channel, server in
      let peer = try await RawPeer.client(to: server.port)
      peer.send(helloFrame + flood(0..<Limits.cancelBurst))
      try await #expect(channel.text(TestService.onReactor, "fine") == "fine")
      peer.send(call(TestService.onReactor, .endStream, stream: 99_999, []))
      await until("all were taken") { peer.frames.contains { $0.header.stream == 99_999 } }
      await until("no handler is left") { running.value == 0 }
      #expect(!peer.isClosed)
      peer.send(flood(60_000..<60_000 + 2 * Limits.cancelBurst))
      await until("the flood is ended") { peer.isClosed }
      #expect(peer.goAwayReason?.contains("too many cancelled calls") == true)
      await until("no handler is left") { running.value == 0 }
      try await #expect(channel.text(TestService.onReactor, "fine") == "fine")
    }
  }

  @Test("a synchronous method takes its request in one frame only")
  func fragmentedReactorCall() async throws {
    try await withService(echo) { _, server in
      let peer = try await RawPeer.client(to: server.port)
      let half =
        call(TestService.onReactor, .more, stream: 1, [0x0a]) + frame(.message, .endStream, stream: 1, body: [0])
      peer.send(helloFrame + half + call(TestService.onReactor, .endStream, stream: 3, [0x0a, 1, 7]))
      await until("both are answered") { peer.frames.count == 3 }
      #expect(peer.status(1)?.code == .invalidArgument)
      #expect(peer.frames.first { $0.header.stream == 3 }?.body == [0x0a, 1, 7])
      peer.close()
    }
  }

  /// Makes two thousand calls from a client whose thread stops at their first answers.
  private func stubborn(
    _ router: Router, calling method: RPC.Method<Blob, Blob>, logger: Logger,
    _ body: (RawPeer, DispatchSemaphore) async throws -> Void
  ) async throws {
    try await withService(router, logger: logger) { channel, server in
      let reactor = try Reactor(name: "stubborn")
      let goOn = DispatchSemaphore(value: 0)
      let peer = try await RawPeer.client(to: server.port, on: reactor) { if $0 > 1_000 { goOn.wait() } }
      let credit = frame(.credit, body: bigEndianBytes(1_000_000_000))
      peer.send(
        (0..<2_000).reduce(into: helloFrame + credit) { $0 += call(method, .endStream, stream: 2 * $1 + 1, []) })
      try await body(peer, goOn)
      try await #expect(channel.text(TestService.unary, "fine") == "fine")
      for _ in 0..<100_000 { goOn.signal() }
      reactor.stop()
    }
  }

  private static let mountain = TestService.method("Mountain", .unary, request: 50, response: 1 << 20)

  @Test("a client that takes credit for mountains of answers and reads none of them does not fill the memory")
  func unreadAnswers() async throws {
    let answered = Counter()
    let router = routes { router in
      router.onReactor(Self.mountain) { _, response, _ throws(RPCError) in
        answered.add()
        response.grant = [UInt8](repeating: 1, count: 60_000)
      }
      router.unary(TestService.unary) { request, _ in blob(request.grant) }
    }
    try await stubborn(router, calling: Self.mountain, logger: quiet) { peer, goOn in
      await until("as many calls are in flight as may be") { answered.value >= Limits.maximumStreams }
      for _ in 0..<100_000 { goOn.signal() }
      await until("all calls are answered or refused") {
        Set(peer.frames.filter { $0.header.flags == .endStream || $0.header.type == .end }.map(\.header.stream)).count
          == 2_000
      }
      #expect(answered.value < 2_000)
      #expect(peer.status(3_999)?.code == .resourceExhausted)
    }
  }

  @Test("a client that gives no credit for mountains of answers gets no more of them made")
  func answersWithoutCredit() async throws {
    let (answered, heard, size) = (Counter(), Counter(), 8 << 20)
    let router = routes { router in
      router.unary(TestService.unary) { _, _ in
        answered.add()
        return blob([UInt8](repeating: 1, count: size))
      }
      router.onReactor(TestService.onReactor) { request, response, _ throws(RPCError) in
        response.grant = request.grant
      }
    }
    try await withService(router) { _, server in
      let peer = try await RawPeer.client(to: server.port) { heard.add($0 - heard.value) }
      peer.send(helloFrame)
      let most = Limits.maximumQueuedAnswerBytes / size + 1
      for number in 0..<30 {
        peer.send(call(TestService.unary, .endStream, stream: UInt32(2 * number + 1), []))
        await until("it is answered or refused") {
          answered.value > number || peer.status(UInt32(2 * number + 1))?.code == .resourceExhausted
        }
      }
      #expect(answered.value <= most + 2)
      #expect(peer.status(59)?.code == .resourceExhausted && peer.status(59)?.retryAfter != nil)
      // Credit is all that it takes.
      for stream in stride(from: UInt32(1), through: 59, by: 2) {
        peer.send(frame(.credit, stream: stream, body: bigEndianBytes(1 << 30)))
      }
      peer.send(frame(.credit, body: bigEndianBytes(1 << 30)))
      // Not by its frames: to look at so many bytes while they come takes longer than they do.
      await until("what was queued is heard") { heard.value > (most - 1) * size }
      let before = answered.value
      peer.send(call(TestService.unary, .endStream, stream: 61, []))
      await until("the next is taken") { answered.value > before || peer.status(61) != nil }
      #expect(peer.status(61) == nil)
      peer.close()
    }
  }

  @Test("synchronous answers that wait for credit give back no more than their calls have cost")
  func queuedReactorAnswers() async throws {
    // The session asserts it.
    let answer = [UInt8](repeating: 1, count: 1_000_000)
    let router = routes { router in
      router.onReactor(TestService.onReactor) { _, response, _ throws(RPCError) in response.grant = answer }
    }
    let server = try serve(router)
    let (heard, calls) = (Counter(), 20)
    let peer = try await RawPeer.client(to: server.port) { heard.add($0 - heard.value) }
    peer.send(
      (0..<calls).reduce(into: helloFrame) {
        $0 += call(TestService.onReactor, .endStream, stream: UInt32(2 * $1 + 1), [])
      })
    await until("as much is answered as there is credit for") { heard.value > 4_000_000 }
    for index in 0..<calls { peer.send(frame(.credit, stream: UInt32(2 * index + 1), body: bigEndianBytes(1 << 21))) }
    peer.send(frame(.credit, body: bigEndianBytes(1 << 26)))
    await until("the rest is") { heard.value > calls * answer.count }
    peer.close()
    await server.shutdown(grace: .zero)
  }

  @Test("a client that leaves mountains of errors unread is dropped")
  func unreadErrors() async throws {
    let lines = RecordingHandler.Lines()
    let violations = Array(
      repeating: FieldViolation(String(repeating: "x", count: 250), String(repeating: "y", count: 250)), count: 64)
    let router = routes { router in
      router.onReactor(Self.mountain) { _, _, _ throws(RPCError) in
        throw RPCError(.invalidArgument, "", violations: violations)
      }
      router.unary(TestService.unary) { request, _ in blob(request.grant) }
    }
    let logger = Logger(label: "test") { _ in RecordingHandler(lines: lines) }
    try await stubborn(router, calling: Self.mountain, logger: logger) { peer, goOn in
      await until("the server has had enough") { lines.all.contains { $0.contains("left unread") } }
      for _ in 0..<100_000 { goOn.signal() }
      await until("the connection is closed") { peer.isClosed }
    }
  }

  struct BadServer: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let answer: [UInt8]
    let closes: Bool
  }

  static let badServers = [
    BadServer(testDescription: "closes at the first call", answer: [], closes: true),
    BadServer(testDescription: "greets, then closes", answer: helloFrame, closes: true),
    BadServer(testDescription: "says nothing but noise", answer: [UInt8](repeating: 3, count: 100), closes: false),
    BadServer(testDescription: "calls its client", answer: helloFrame + frame(.call, stream: 1), closes: false),
    BadServer(
      testDescription: "goes away before it has begun",
      answer: helloFrame + frame(.goAway), closes: false),
  ]

  @Test("calls end with UNAVAILABLE when the server breaks off or breaks the protocol", arguments: badServers)
  func badServer(bad: BadServer) async throws {
    let reactor = try Reactor(name: "bad-server")
    let listener = try Listener(
      address: SocketAddress(host: "127.0.0.1", port: 0), context: try TLSContext(server: Certificates.of(.ranker)),
      reactors: [reactor],
      accept: { RawPeer($0, answer: bad.answer, closesAfterAnswer: bad.closes) })
    let client = try channel(to: listener.port)
    for _ in 0..<3 {
      #expect(await failure { _ = try await client.call(TestService.unary, blob("")) }?.code == .unavailable)
    }
    await client.close()
    listener.close()
    reactor.stop()
  }

  @Test("a server that greets and breaks off is gone back to at longer and longer intervals")
  func breaksOff() async throws {
    let connections = Counter()
    let reactor = try Reactor(name: "bad-server")
    let listener = try Listener(
      address: SocketAddress(host: "127.0.0.1", port: 0), context: try TLSContext(server: Certificates.of(.ranker)),
      reactors: [reactor],
      accept: {
        connections.add()
        return RawPeer($0, answer: helloFrame, closesAfterAnswer: true)
      })
    let client = try channel(to: listener.port)
    for _ in 0..<100 {
      #expect(await failure { _ = try await client.call(TestService.unary, blob("")) }?.code == .unavailable)
      try await Task.sleep(for: .milliseconds(5))
    }
    #expect(connections.value > 0 && connections.value < 30)
    await client.close()
    listener.close()
    reactor.stop()
  }

  @Test("a server that goes away while calls wait for a stream ends them, and nothing else")
  func goesAwayFromMany() async throws {
    let reactor = try Reactor(name: "bad-server")
    let listener = try Listener(
      address: SocketAddress(host: "127.0.0.1", port: 0), context: try TLSContext(server: Certificates.of(.ranker)),
      reactors: [reactor], accept: { RawPeer($0, answer: helloFrame + frame(.goAway)) })
    let client = try channel(to: listener.port)
    let calls = (0..<Limits.maximumStreams + 50).map { _ in
      Task { _ = try await client.call(TestService.unary, blob("")) }
    }
    for call in calls { #expect(await failure { try await call.value }?.code == .unavailable) }
    await client.close()
    listener.close()
    reactor.stop()
  }

  @Test("an answer that is no protobuf is INTERNAL")
  func badAnswer() async throws {
    let reactor = try Reactor(name: "bad-server")
    let listener = try Listener(
      address: SocketAddress(host: "127.0.0.1", port: 0), context: try TLSContext(server: Certificates.of(.ranker)),
      reactors: [reactor],
      accept: { RawPeer($0, answer: helloFrame + frame(.message, .endStream, stream: 1, body: [0xff])) })
    let client = try channel(to: listener.port)
    #expect(await failure { _ = try await client.call(TestService.unary, blob("")) }?.code == .internal)
    await client.close()
    listener.close()
    reactor.stop()
  }
}
