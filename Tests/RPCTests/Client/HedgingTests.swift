import Messages
import Synchronization
import Testing
import Transport

@testable import RPC

@Suite("Hedging", .timeLimit(.minutes(5)))
struct HedgingTests {
  private static let lost = RPCError(.unavailable, "lost")
  private let left = Duration.seconds(3)

  @Test("attempts begin a delay apart, up to the most there may be")
  func pace() {
    var hedges = Hedges(Hedging(after: .milliseconds(10), maximumAttempts: 3))
    #expect((0..<3).map { _ in hedges.began() } == [.milliseconds(10), .milliseconds(10), nil])
    #expect(hedges.attempt == 3 && !hedges.mayBegin(RetryThrottle()))
  }

  @Test("an error that another server may not have brings the next attempt at once, or when the server says")
  func failures() {
    var throttle = RetryThrottle()
    var hedges = Hedges(Hedging(after: .seconds(9), maximumAttempts: 4))
    _ = hedges.began()
    #expect(
      hedges.failed(Self.lost, throttle: &throttle, isWelcomeElsewhere: false, left: left) == .again(after: .zero))
    _ = hedges.began()
    let busy = RPCError(.resourceExhausted, "", retryAfter: .seconds(2))
    #expect(
      hedges.failed(busy, throttle: &throttle, isWelcomeElsewhere: false, left: left) == .again(after: .seconds(2)))
    _ = hedges.began()
    _ = hedges.began()
    #expect(hedges.failed(Self.lost, throttle: &throttle, isWelcomeElsewhere: false, left: left) == .wait)
    #expect(hedges.failed(Self.lost, throttle: &throttle, isWelcomeElsewhere: false, left: left) == .fail)
    var short = Hedges(Hedging(after: .seconds(9)))
    _ = short.began()
    #expect(short.failed(busy, throttle: &throttle, isWelcomeElsewhere: true, left: .seconds(2)) == .fail)
  }

  @Test("an error that every server would give ends the call")
  func fatal() {
    var throttle = RetryThrottle()
    var hedges = Hedges(Hedging(after: .seconds(9)))
    _ = hedges.began()
    #expect(hedges.failed(RPCError(.notFound, ""), throttle: &throttle, isWelcomeElsewhere: false, left: left) == .fail)
    #expect(throttle.tokens == RetryThrottle.maximumTokens)
  }

  @Test("while too many calls fail there is only the first attempt")
  func throttled() {
    var throttle = RetryThrottle()
    for _ in 0..<5 { throttle.failed() }
    var hedges = Hedges(Hedging(after: .zero))
    _ = hedges.began()
    #expect(!hedges.mayBegin(throttle))
    #expect(hedges.failed(Self.lost, throttle: &throttle, isWelcomeElsewhere: false, left: left) == .fail)
  }

  // MARK: Real servers

  private func client(_ servers: [Server]) throws -> ServiceClient {
    try ServiceClient(
      to: servers.map { SocketAddress(host: "127.0.0.1", port: $0.port) }, expecting: .ranker, serverName: nil,
      certificates: Certificates.of(.platform), logger: quiet)
  }

  @Test("the answer of the quick server is taken, and the slow one's handler is cancelled")
  func slowServer() async throws {
    let begun = Counter()
    let cancelled = Counter()
    let servers = [
      try serve(
        routes { router in
          router.unary(TestService.idempotent) { _, _ in
            begun.add()
            defer { cancelled.add() }
            try await waitForCancellation()
            return blob("slow")
          }
        }),
      try serve(routes { router in router.unary(TestService.idempotent) { _, _ in blob("quick") } }),
    ]
    let client = try client(servers)
    for key in 0..<20 {
      let options = CallOptions(key: "\(key)", hedging: Hedging(after: .milliseconds(1)))
      let answer = try await client.call(TestService.idempotent, options: options, blob(""))
      #expect(answer.text == "quick")
    }
    #expect(begun.value > 0)
    await until("the slow attempts are cancelled") { cancelled.value == begun.value }
    await client.close()
    for server in servers { await server.shutdown(grace: .zero) }
  }

  @Test("a quick answer spares the second attempt")
  func quickServer() async throws {
    let calls = Counter()
    let router = routes { router in
      router.unary(TestService.idempotent) { _, _ in
        calls.add()
        return blob("")
      }
    }
    let servers = [try serve(router), try serve(router)]
    let client = try client(servers)
    let options = CallOptions(hedging: Hedging(after: .seconds(60)))
    for _ in 0..<20 { _ = try await client.call(TestService.idempotent, options: options, blob("")) }
    #expect(calls.value == 20)
    await client.close()
    for server in servers { await server.shutdown(grace: .zero) }
  }

  @Test("each attempt carries its number")
  func attemptNumbers() async throws {
    let heard = Mutex<[UInt32]>([])
    let router = routes { router in
      router.unary(TestService.idempotent) { _, context in
        heard.withLock { $0.append(context.attempt) }
        guard context.attempt > 0 else {
          try await waitForCancellation()
          return blob("")
        }
        return blob("second")
      }
    }
    let servers = [try serve(router), try serve(router)]
    let client = try client(servers)
    let options = CallOptions(hedging: Hedging(after: .milliseconds(500)))
    #expect(try await client.call(TestService.idempotent, options: options, blob("")).text == "second")
    #expect(heard.withLock { $0 } == [0, 1])
    await client.close()
    for server in servers { await server.shutdown(grace: .zero) }
  }

  @Test("a time to wait that lies past the deadline is not waited for")
  func lateRetry() async throws {
    let router = routes { router in
      router.unary(TestService.idempotent) { _, _ in
        throw RPCError(.resourceExhausted, "busy", retryAfter: .seconds(8))
      }
    }
    let server = try serve(router)
    let client = try client([server])
    let start = ContinuousClock.now
    let error = await failure {
      _ = try await client.call(
        TestService.idempotent, timeout: .seconds(1), options: CallOptions(hedging: Hedging(after: .seconds(60))),
        blob(""))
    }
    #expect(error?.message == "busy" && start.duration(to: .now) < .seconds(4))
    await client.close()
    await server.shutdown(grace: .zero)
  }

  @Test("a call that may make no further attempt ends with its own error")
  func throttledMeanwhile() async throws {
    let gate = Gate()
    let waiting = Counter()
    let router = routes { router in
      router.unary(TestService.idempotent) { _, _ in
        waiting.add()
        try await gate.wait()
        throw RPCError(.unavailable, "not now")
      }
    }
    let server = try serve(router)
    let client = try client([server])
    let calls = (0..<64).map { _ in
      Task {
        _ = try await client.call(
          TestService.idempotent, options: CallOptions(hedging: Hedging(after: .seconds(60))), blob(""))
      }
    }
    await until("all are under way") { waiting.value == calls.count }
    gate.open()
    for call in calls { #expect(await failure { try await call.value }?.message == "not now") }
    await client.close()
    await server.shutdown(grace: .zero)
  }

  @Test("when all attempts fail the call does, and cancelling the caller cancels them")
  func allFail() async throws {
    let begun = Counter()
    let servers = try (0..<2).map { _ in
      try serve(
        routes { router in
          router.unary(TestService.idempotent) { request, _ in
            begun.add()
            if request.text == "fail" { throw RPCError(.unavailable, "not now") }
            try await waitForCancellation()
            return blob("")
          }
        })
    }
    let client = try client(servers)
    let options = CallOptions(hedging: Hedging(after: .zero))
    let error = await failure { _ = try await client.call(TestService.idempotent, options: options, blob("fail")) }
    #expect(error?.message == "not now" && begun.value == 2)
    let task = Task { try await client.call(TestService.idempotent, options: options, blob("wait")) }
    await until("both attempts are under way") { begun.value == 4 }
    task.cancel()
    #expect(await failure { _ = try await task.value }?.code == .cancelled)
    await client.close()
    for server in servers { await server.shutdown(grace: .zero) }
  }
}
