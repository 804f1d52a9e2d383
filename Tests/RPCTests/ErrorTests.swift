import Logging
import Messages
import Synchronization
import Testing
import Transport

@testable import RPC

/// Requests that a handler has kept.
final class Kept: Sendable {
  private let views = Mutex<[View<Blob>]>([])
  func keep(_ view: View<Blob>) { views.withLock { $0.append(view) } }
  var texts: [String] { views.withLock { $0.map(\.text) } }
}

/// A log that a test can read.
struct RecordingHandler: LogHandler {
  let lines: Lines
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    lines.add("\(event.level) \(event.message) \(metadata.merging(event.metadata ?? [:]) { $1 })")
  }
}

@Suite("Calls that end badly")
struct ErrorTests {
  private struct OwnError: Error { let secret = "a password" }

  @Test("an error arrives as it was thrown, details and all")
  func details() async throws {
    let thrown = RPCError(
      .failedPrecondition, "not here", violations: [FieldViolation("tenant", "is elsewhere")],
      retryAfter: .milliseconds(1_500), owner: "ingest-2:9441")
    try await withService(
      routes { router in
        router.onReactor(TestService.onReactor) { _, _, _ throws(RPCError) in throw thrown }
        router.unary(TestService.unary) { _, _ in throw thrown }
        router.stream(TestService.serverStream) { _, responses, _ in
          try await responses.send(blob("first"))
          throw thrown
        }
      }
    ) { channel, _ in
      #expect(await failure { _ = try await channel.call(TestService.onReactor, blob("")) } == thrown)
      #expect(await failure { _ = try await channel.call(TestService.unary, blob("")) } == thrown)
      let call = try await channel.stream(TestService.serverStream)
      var responses = call.responses.makeAsyncIterator()
      #expect(try await responses.next()?.text == "first")
      #expect(await failure { _ = try await responses.next() } == thrown)
    }
  }

  @Test("any other error is INTERNAL: its text stays in the server's log")
  func otherError() async throws {
    let lines = RecordingHandler.Lines()
    let logger = Logger(label: "test") { _ in RecordingHandler(lines: lines) }
    try await withService(
      routes { router in
        router.unary(TestService.unary) { _, _ in throw OwnError() }
      }, logger: logger
    ) { channel, _ in
      let error = await failure { _ = try await channel.call(TestService.unary, blob("")) }
      #expect(error?.code == .internal)
      #expect(error.map { !"\($0)".contains("password") } == true)
      #expect(lines.all.contains { $0.contains("password") && $0.contains("test.Service/Unary") })
    }
  }

  @Test("a handler that stops as if cancelled ends its call with CANCELLED")
  func cancellationError() async throws {
    try await withService(routes { $0.unary(TestService.unary) { _, _ in throw CancellationError() } }) { channel, _ in
      #expect(await failure { _ = try await channel.call(TestService.unary, blob("")) }?.code == .cancelled)
    }
  }

  @Test("a method without handler is UNIMPLEMENTED, with a stream too")
  func unimplemented() async throws {
    try await withService(routes { _ in }) { channel, _ in
      #expect(await failure { _ = try await channel.call(TestService.unary, blob("")) }?.code == .unimplemented)
      let call = try await channel.stream(TestService.bidirectional)
      #expect(await failure { for try await _ in call.responses {} }?.code == .unimplemented)
    }
  }

  @Test("a role that may not call a method gets PERMISSION_DENIED, and the log says who it was")
  func permissionDenied() async throws {
    let lines = RecordingHandler.Lines()
    let logger = Logger(label: "test") { _ in RecordingHandler(lines: lines) }
    try await withService(
      routes { router in
        router.unary(TestService.adminOnly) { request, _ in blob(request.grant) }
      }, interceptors: [CallLog(logger)]
    ) { channel, server in
      #expect(await failure { _ = try await channel.call(TestService.adminOnly, blob("")) }?.code == .permissionDenied)
      #expect(
        lines.all.contains { $0.contains("PERMISSION_DENIED") && $0.contains("platform/a") && $0.contains("AdminOnly") }
      )
      let admin = try RPCTests.channel(to: server.port, as: .admin)
      _ = try await admin.call(TestService.adminOnly, blob(""))
      await admin.close()
    }
  }

  @Test("a server of another role than expected is not talked to")
  func impostor() async throws {
    let ingest = try serve(
      routes { router in
        router.unary(TestService.method("Unary", .unary, server: .ingest)) { _, _ in blob("I am control, believe me") }
      }, role: .ingest)
    let client = try channel(to: ingest.port, expecting: .control)
    let error = await failure { _ = try await client.call(TestService.unary, blob("")) }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("identifies as ingest/a") == true)
    #expect(error?.message.contains("control") == true)
    await client.close()
    await ingest.shutdown(grace: .seconds(5))
  }

  @Test("a message over its method's limit is refused by its writer")
  func writerLimit() async throws {
    let limited = TestService.method("Limited", .unary, request: 100, response: 100)
    let limitedStream = TestService.method("LimitedStream", .bidirectional, request: 100, response: 100)
    try await withService(
      routes { router in
        router.unary(limited) { _, _ in blob([UInt8](repeating: 1, count: 101)) }
        router.stream(limitedStream) { _, responses, _ in
          try await responses.send(blob([UInt8](repeating: 1, count: 101)))
        }
      }
    ) { channel, _ in
      let long = [UInt8](repeating: 1, count: 101)
      #expect(await failure { _ = try await channel.call(limited, blob(long)) }?.code == .resourceExhausted)
      #expect(await failure { _ = try await channel.call(limited, blob("")) }?.code == .resourceExhausted)
      let call = try await channel.stream(limitedStream)
      #expect(await failure { try await call.send(blob(long)) }?.code == .resourceExhausted)
      #expect(await failure { for try await _ in call.responses {} }?.code == .resourceExhausted)
    }
  }

  @Test("and by its reader: server and client check each other")
  func readerLimit() async throws {
    let wide = TestService.method("Same", .unary)
    let narrow = TestService.method("Same", .unary, request: 100, response: 100)
    let wideReactor = TestService.method("SameOnReactor", .unary, request: 50_000)
    let narrowReactor = TestService.method("SameOnReactor", .unary, request: 100)
    let long = [UInt8](repeating: 1, count: 1_000)
    try await withService(
      routes { router in
        router.unary(narrow) { _, _ in blob("") }
        router.onReactor(narrowReactor) { _, _, _ throws(RPCError) in }
      }
    ) { channel, _ in
      #expect(await failure { _ = try await channel.call(wide, blob(long)) }?.code == .resourceExhausted)
      #expect(await failure { _ = try await channel.call(wideReactor, blob(long)) }?.code == .resourceExhausted)
      _ = try await channel.call(wide, blob(""))
    }
    try await withService(routes { $0.unary(wide) { _, _ in blob(long) } }) { channel, _ in
      #expect(await failure { _ = try await channel.call(narrow, blob("")) }?.code == .resourceExhausted)
    }
  }

  @Test("a message that is no protobuf is INVALID_ARGUMENT, and the server goes on")
  func malformed() async throws {
    let broken = Encoded<Blob>(unchecked: [0x0a, 0xff, 0xff])
    try await withService(
      routes { router in
        router.onReactor(TestService.onReactor) { request, response, _ throws(RPCError) in
          response.grant = request.grant
        }
        router.unary(TestService.unary) { request, _ in blob(request.grant) }
        router.stream(TestService.clientStream) { requests, responses, _ in
          for try await _ in requests {}
          try await responses.send(blob(""))
        }
      }
    ) { channel, _ in
      #expect(await failure { _ = try await channel.call(TestService.onReactor, broken) }?.code == .invalidArgument)
      #expect(await failure { _ = try await channel.call(TestService.unary, broken) }?.code == .invalidArgument)
      let call = try await channel.stream(TestService.clientStream)
      try await call.send(broken)
      #expect(await failure { for try await _ in call.responses {} }?.code == .invalidArgument)
      try await #expect(channel.text(TestService.onReactor, "fine") == "fine")
    }
  }

  @Test("messages that came before the end are read first, though the call ended as its request was sent")
  func endWhileSending() async throws {
    try await withService(
      routes { router in
        router.stream(TestService.serverStream) { _, responses, _ in
          for text in ["a", "b"] { try await responses.send(blob(text)) }
          throw RPCError(.unavailable, "broken")
        }
      }
    ) { channel, _ in
      for _ in 0..<200 {
        let call = try await channel.stream(TestService.serverStream)
        // The handler waits for no request: sometimes the end is here before one is sent.
        try await Task.sleep(for: .microseconds(Int.random(in: 0..<500)))
        try await call.sendOnly { $0.grant = [1] }
        var texts: [String] = []
        let error = await failure { for try await response in call.responses { texts.append(response.text) } }
        #expect(error?.message == "broken" && texts == ["a", "b"])
      }
    }
  }

  @Test("a request that this side does not send is told where it is sent")
  func unsentRequest() async throws {
    try await withService(
      routes { router in
        router.stream(TestService.serverStream) { requests, _, _ in for try await _ in requests {} }
      }
    ) { channel, _ in
      let call = try await channel.stream(TestService.serverStream)
      let large = [UInt8](repeating: 0, count: TestService.serverStream.maximumRequestBytes + 1)
      #expect(await failure { try await call.sendOnly { $0.grant = large } }?.code == .resourceExhausted)
    }
  }

  @Test("a handler that sends no response, or two, where one is due is at fault")
  func responseCount() async throws {
    try await withService(
      routes { router in
        router.stream(TestService.clientStream) { requests, responses, _ in
          for try await request in requests {
            for _ in 0..<request.grant.count { try await responses.send(blob("")) }
          }
        }
      }
    ) { channel, _ in
      for count in [0, 2] {
        let call = try await channel.stream(TestService.clientStream)
        // The server may have ended the call before either returns.
        try? await call.send(blob([UInt8](repeating: 0, count: count)))
        try? await call.finish()
        #expect(await failure { for try await _ in call.responses {} }?.code == .internal)
      }
    }
  }
}
