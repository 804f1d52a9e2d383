import Logging
import Messages
import Synchronization
import Testing
import Transport

@testable import RPC

@Suite("interceptors")
struct InterceptorTests {
  /// Writes down what it is told, and refuses one method.
  private final class Recorder: ServerInterceptor {
    struct Entry: Equatable {
      var method: String
      var hasBegun: Bool
      var code: StatusCode
      var requestBytes: Int
      var responseBytes: Int
    }
    private let state = Mutex((begun: 0, ended: [Entry]()))
    let refused: String?
    let seesCallsThatEndWell: Bool

    init(refusing refused: String? = nil, failuresOnly: Bool = false) {
      self.refused = refused
      seesCallsThatEndWell = !failuresOnly
    }

    var begun: Int { state.withLock { $0.begun } }
    var ended: [Entry] { state.withLock { $0.ended } }

    func began(_ context: CallContext) throws(RPCError) {
      state.withLock { $0.begun += 1 }
      if context.method == refused { throw RPCError(.resourceExhausted, "refused") }
    }

    func ended(_ context: CallContext, _ summary: CallSummary) {
      let entry = Entry(
        method: String(context.method.split(separator: "/").last ?? ""), hasBegun: summary.hasBegun, code: summary.code,
        requestBytes: summary.requestBytes, responseBytes: summary.responseBytes)
      #expect(summary.nanoseconds >= 0)
      state.withLock { $0.ended.append(entry) }
    }
  }

  private static let router = routes { router in
    router.onReactor(TestService.onReactor) { (_, response, _) throws(RPCError) in response.grant = [1, 2, 3] }
    router.unary(TestService.unary) { _, _ in throw RPCError(.notFound, "no") }
    router.unary(TestService.idempotent) { _, _ in
      try await Task.sleep(for: .seconds(60))
      return blob("late")
    }
    router.stream(TestService.bidirectional) { requests, responses, _ in
      for try await request in requests { try await responses.send(blob(request.text)) }
    }
    router.unary(TestService.adminOnly) { request, _ in blob(request.grant) }
  }

  @Test("hear of each call once, with its code and its bytes, however it ends")
  func everyEnd() async throws {
    let recorder = Recorder()
    try await withService(Self.router, interceptors: [recorder]) { channel, _ in
      _ = try await channel.call(TestService.onReactor, blob("1234567"))
      _ = await failure { _ = try await channel.call(TestService.unary, blob("12")) }
      _ = await failure {
        _ = try await channel.call(TestService.idempotent, timeout: .milliseconds(20), blob(""))
      }
      let stream = try await channel.stream(TestService.bidirectional)
      for text in ["a", "bcd"] { try await stream.send(blob(text)) }
      try await stream.finish()
      for try await _ in stream.responses {}
      _ = await failure { _ = try await channel.call(TestService.adminOnly, blob("")) }
      _ = await failure { _ = try await channel.call(TestService.keyed, blob("")) }
      let given = Task { try await channel.call(TestService.idempotent, blob("")) }
      await until("the call arrives") { recorder.begun == 5 }
      given.cancel()
      _ = await given.result
      await until("all have ended") { recorder.ended.count == 7 }
    }
    #expect(recorder.begun == 5)
    let expected = [
      Recorder.Entry(method: "OnReactor", hasBegun: true, code: .ok, requestBytes: 9, responseBytes: 5),
      Recorder.Entry(method: "Unary", hasBegun: true, code: .notFound, requestBytes: 4, responseBytes: 0),
      Recorder.Entry(method: "Idempotent", hasBegun: true, code: .cancelled, requestBytes: 0, responseBytes: 0),
      Recorder.Entry(method: "Bidirectional", hasBegun: true, code: .ok, requestBytes: 8, responseBytes: 8),
      Recorder.Entry(method: "AdminOnly", hasBegun: false, code: .permissionDenied, requestBytes: 0, responseBytes: 0),
      Recorder.Entry(
        method: hex(TestService.keyed.id), hasBegun: false, code: .unimplemented, requestBytes: 0, responseBytes: 0),
      Recorder.Entry(method: "Idempotent", hasBegun: true, code: .cancelled, requestBytes: 0, responseBytes: 0),
    ]
    // Both sides keep the deadline, and the client's cancel may come first.
    let ended = recorder.ended.map { entry in
      var entry = entry
      if entry.code == .deadlineExceeded { entry.code = .cancelled }
      return entry
    }
    #expect(ended == expected)
  }

  @Test("hear of calls that end with their connection")
  func lost() async throws {
    let recorder = Recorder()
    let server = try serve(Self.router, interceptors: [recorder])
    let client = try channel(to: server.port)
    let call = Task { try await client.call(TestService.idempotent, blob("")) }
    await until("the call arrives") { recorder.begun == 1 }
    await server.shutdown(grace: .zero)
    _ = await call.result
    #expect(recorder.ended.map(\.code) == [.unavailable])
    await client.close()
  }

  @Test(
    "may refuse a call before its handler; those after one hear only that it ended",
    arguments: [TestService.onReactor.name, TestService.bidirectional.name])
  func refusing(method: String) async throws {
    let recorders = [Recorder(), Recorder(refusing: method), Recorder()]
    try await withService(Self.router, interceptors: recorders) { channel, _ in
      let error: RPCError?
      if method == TestService.onReactor.name {
        error = await failure { _ = try await channel.call(TestService.onReactor, blob("")) }
      } else {
        let call = try await channel.stream(TestService.bidirectional)
        error = await failure { for try await _ in call.responses {} }
      }
      #expect(error?.code == .resourceExhausted)
    }
    #expect(recorders.map(\.begun) == [1, 1, 0])
    #expect(recorders.map { $0.ended.map(\.hasBegun) } == [[true], [true], [false]])
    #expect(recorders.allSatisfy { $0.ended.map(\.code) == [.resourceExhausted] })
  }

  @Test("that see no calls that end well hear of the others, as do those before and behind them")
  func failuresOnly() async throws {
    let recorders = [Recorder(), Recorder(failuresOnly: true), Recorder()]
    try await withService(Self.router, interceptors: recorders) { channel, _ in
      _ = try await channel.call(TestService.onReactor, blob(""))
      _ = await failure { _ = try await channel.call(TestService.unary, blob("")) }
      _ = await failure { _ = try await channel.call(TestService.adminOnly, blob("")) }
      await until("all have ended") { recorders[2].ended.count == 3 }
    }
    #expect(recorders.map(\.begun) == [2, 0, 2])
    let all: [StatusCode] = [.ok, .notFound, .permissionDenied]
    #expect(recorders.map { $0.ended.map(\.code) } == [all, [.notFound, .permissionDenied], all])
    #expect(recorders[1].ended.map(\.hasBegun) == [true, false])
  }
}

@Suite("the log of calls")
struct CallLogTests {
  private func context(_ peer: String = "a") -> CallContext {
    var metadata = CallMetadata()
    metadata.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    let caller = Caller(PeerIdentity(role: .platform, name: peer), serverName: nil, tenantDomain: "")
    return CallContext(CallContext.Origin(caller, method: "s/M", id: 1), deadline: .now, metadata: metadata)
  }

  private func summary(_ code: StatusCode) -> CallSummary {
    CallSummary(
      hasBegun: true, error: code == .ok ? nil : RPCError(code, "no"), nanoseconds: 2_000_000, requestBytes: 3,
      responseBytes: 4)
  }

  @Test("has one line a call at debug, which says what, who, how and in which trace")
  func calls() throws {
    let lines = RecordingHandler.Lines()
    let log = CallLog(Logger(label: "test") { _ in RecordingHandler(lines: lines) })
    log.ended(context(), summary(.ok))
    let line = try #require(lines.all.first)
    for part in ["debug", "s/M", "platform/a", "OK", "2000", "4bf92f3577b34da6a3ce929d0e0e4736"] {
      #expect(line.contains(part), "\(part)")
    }
  }

  @Test("warns of refusals and own faults, and of no more than a few a second of one caller")
  func warnings() {
    let lines = RecordingHandler.Lines()
    var logger = Logger(label: "test") { _ in RecordingHandler(lines: lines) }
    logger.logLevel = .info
    let log = CallLog(logger)
    for _ in 0..<1_000 { log.ended(context("flood"), summary(.permissionDenied)) }
    #expect(lines.all.count < 1_000 / 2 && lines.all.count >= LimitedLog<Int>.linesPerSecond.source)
    let before = lines.all.count
    log.ended(context("other"), summary(.internal))
    log.ended(context("other"), summary(.ok))
    log.ended(context("other"), summary(.notFound))
    #expect(lines.all.count == before + 1)
  }
}
