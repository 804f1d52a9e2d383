import Messages
import Synchronization
import Testing
import Transport

@testable import RPC

@Suite("Cancelling, deadlines, coming and going")
struct LifecycleTests {
  /// Handlers that run until they are cancelled, and count how many have begun and were cancelled.
  private struct Endless {
    let begun = Counter()
    let cancelled = Counter()

    var router: Router {
      routes { router in
        router.unary(TestService.unary) { _, _ in try await run() }
        router.stream(TestService.bidirectional) { _, responses, _ in
          // The caller may have what is sent, and be gone, before `send` returns.
          _ = try await run { try await responses.send(blob("begun")) }
        }
        router.stream(TestService.clientStream) { requests, _, _ in
          begun.add()
          defer { cancelled.add() }
          for try await _ in requests {}
        }
      }
    }

    private func run(_ first: () async throws -> Void = {}) async throws -> Encoded<Blob> {
      begun.add()
      defer { cancelled.add() }
      try await first()
      try await waitForCancellation()
      return blob("")
    }
  }

  // MARK: Cancelling

  @Test("cancelling the caller's task ends the call at once and cancels the handler")
  func cancelTask() async throws {
    let endless = Endless()
    try await withService(endless.router) { channel, _ in
      let task = Task { try await channel.call(TestService.unary, blob("")) }
      await until("the handler begins") { endless.begun.value == 1 }
      task.cancel()
      #expect(await failure { _ = try await task.value }?.code == .cancelled)
      await until("the handler is cancelled") { endless.cancelled.value == 1 }
    }
  }

  @Test("a task that is cancelled already makes no call")
  func cancelledBefore() async throws {
    try await withService(Endless().router) { channel, _ in
      let gate = Gate()
      let task = Task {
        try? await gate.wait()
        return try await channel.call(TestService.unary, blob(""))
      }
      task.cancel()
      #expect(await failure { _ = try await task.value }?.code == .cancelled)
    }
  }

  @Test("a streaming call is cancelled by hand, and by dropping it")
  func cancelStream() async throws {
    let endless = Endless()
    try await withService(endless.router) { channel, _ in
      let call = try await channel.stream(TestService.bidirectional)
      var responses = call.responses.makeAsyncIterator()
      #expect(try await responses.next()?.text == "begun")
      call.cancel()
      #expect(await failure { _ = try await responses.next() }?.code == .cancelled)
      await until("the handler is cancelled") { endless.cancelled.value == 1 }

      // Once more, with responses that nobody holds any longer after the first.
      try await #expect(firstResponse(channel) == "begun")
      await until("the handler of the dropped call is cancelled") { endless.cancelled.value == 2 }
    }
  }

  private func firstResponse(_ channel: Channel) async throws -> String? {
    let responses = try await channel.stream(TestService.bidirectional).responses
    for try await response in responses { return response.text }
    return nil
  }

  @Test("a handler that waits for requests hears of the end of the connection")
  func connectionLost() async throws {
    let endless = Endless()
    let server = try serve(endless.router)
    let client = try channel(to: server.port)
    let call = try await client.stream(TestService.clientStream)
    await until("the handler begins") { endless.begun.value == 1 }
    await client.close()
    #expect(await failure { for try await _ in call.responses {} }?.code == .cancelled)
    await until("the handler is cancelled") { endless.cancelled.value == 1 }
    #expect(await failure { _ = try await client.call(TestService.unary, blob("")) }?.code == .unavailable)
    await server.shutdown(grace: .zero)
  }

  @Test("a handler may cancel a task of its own that waits for requests, and go on")
  func cancelledChild() async throws {
    let router = routes { router in
      router.stream(TestService.bidirectional) { requests, responses, _ in
        let reader = Task { for try await _ in requests {} }
        reader.cancel()
        let error = await failure { try await reader.value }
        try await responses.send(blob(error?.code.name ?? ""))
      }
    }
    try await withService(router) { channel, _ in
      var responses = try await channel.stream(TestService.bidirectional).responses.makeAsyncIterator()
      #expect(try await responses.next()?.text == "CANCELLED")
      #expect(try await responses.next() == nil)
    }
  }

  // MARK: Deadlines

  @Test("a call that takes too long ends with DEADLINE_EXCEEDED on both sides")
  func deadline() async throws {
    let endless = Endless()
    try await withService(endless.router) { channel, _ in
      let error = await failure {
        _ = try await channel.call(TestService.unary, timeout: .milliseconds(50), blob(""))
      }
      #expect(error?.code == .deadlineExceeded)
      await until("the handler is cancelled") { endless.cancelled.value == endless.begun.value }
      let call = try await channel.stream(TestService.bidirectional, timeout: .milliseconds(200))
      #expect(await failure { for try await _ in call.responses {} }?.code == .deadlineExceeded)
    }
  }

  @Test("DEADLINE_EXCEEDED comes within 50 ms of its time, on both sides")
  func deadlineInTime() async throws {
    let endless = Endless()
    let server = try serve(endless.router)
    let client = try channel(to: server.port)
    let peer = try await RawPeer.client(to: server.port)
    peer.send(helloFrame)
    // Of several, since a busy machine may be late for any.
    var latest: (client: Duration, server: Duration) = (.seconds(9), .seconds(9))
    let timeout = Duration.milliseconds(70)
    for index in 0..<5 as Range<UInt32> {
      var start = ContinuousClock.now
      _ = await failure { _ = try await client.call(TestService.unary, timeout: timeout, blob("")) }
      latest.client = min(latest.client, start.duration(to: .now) - timeout)
      var header = FrameHeader(.call, flags: .endStream, stream: 2 * index + 1)
      header.method = TestService.unary.id
      header.timeoutMilliseconds = 70
      start = .now
      peer.send(header.encoded)
      while peer.status(2 * index + 1) == nil, start.duration(to: .now) < .seconds(5) {
        try await Task.sleep(for: .milliseconds(1))
      }
      latest.server = min(latest.server, start.duration(to: .now) - timeout)
    }
    #expect(latest.client >= .zero && latest.client < .milliseconds(50))
    #expect(latest.server >= .milliseconds(-2) && latest.server < .milliseconds(50))
    peer.close()
    await client.close()
    await server.shutdown(grace: .zero)
  }

  @Test("the server keeps the deadline also for a client that does not")
  func serverDeadline() async throws {
    let endless = Endless()
    let server = try serve(endless.router)
    let peer = try await RawPeer.client(to: server.port)
    var header = FrameHeader(.call, flags: .endStream, stream: 1)
    header.method = TestService.unary.id
    header.timeoutMilliseconds = 30
    peer.send(helloFrame + header.encoded)
    await until("the status arrives") { peer.status(1) != nil }
    #expect(peer.status(1)?.code == .deadlineExceeded)
    // On a busy machine the deadline may come before the handler has begun.
    await until("the handler is cancelled") { endless.cancelled.value == endless.begun.value }
    await server.shutdown(grace: .zero)
  }

  @Test("a call whose deadline has passed is not made")
  func pastDeadline() async throws {
    let endless = Endless()
    try await withService(endless.router) { channel, _ in
      for timeout in [Duration.zero, .seconds(-1)] {
        let error = await failure { _ = try await channel.call(TestService.unary, timeout: timeout, blob("")) }
        #expect(error?.code == .deadlineExceeded)
      }
      #expect(endless.begun.value == 0)
    }
  }

  @Test("a call from within a handler ends no later than the handler's own")
  func nestedDeadline() async throws {
    let inner = TestService.method("Inner", .unary)
    let innerServer = try serve(
      routes { $0.unary(inner) { _, context in blob("\(context.remaining <= .seconds(50))") } })
    let nested = try channel(to: innerServer.port)
    let outer = routes { router in
      router.unary(TestService.unary) { _, _ in blob(try await nested.call(inner, blob("")).text) }
    }
    try await withService(outer) { channel, _ in
      let answer = try await channel.call(TestService.unary, timeout: .seconds(50), blob(""))
      #expect(answer.text == "true")
      try await #expect(nested.text(inner, "") == "false")
    }
    await nested.close()
    await innerServer.shutdown(grace: .seconds(5))
  }

  // MARK: Back-pressure

  @Test("a reader that does not read stops the writer, whichever side it is on")
  func slowReader() async throws {
    let size = 50_000
    let count = 400
    let sent = Counter()
    let gate = Gate()
    let router = routes { router in
      router.stream(TestService.serverStream) { _, responses, _ in
        for index in 0..<count {
          try await responses.send(blob([UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size)))
          sent.add()
        }
      }
      router.stream(TestService.clientStream) { requests, responses, _ in
        try await gate.wait()
        var total = 0
        for try await request in requests { total += request.grant.count }
        try await responses.send(blob("\(total)"))
      }
      router.unary(TestService.unary) { request, _ in blob(request.grant) }
    }
    // What may be under way: the stream's credit, what `send` queues, and the message that waits.
    let bound = (Limits.initialStreamCredit + Limits.sendQueueBytes) / size + 2
    try await withService(router) { channel, _ in
      let call = try await channel.stream(TestService.serverStream)
      await until("the credit is used up") { sent.value >= Limits.initialStreamCredit / size }
      for _ in 0..<100 { _ = try await channel.call(TestService.unary, blob("others go on")) }
      #expect(sent.value <= bound)
      var received = 0
      for try await response in call.responses {
        #expect(response.grant.first == UInt8(truncatingIfNeeded: received))
        received += 1
      }
      #expect(received == count)

      let upload = try await channel.stream(TestService.clientStream)
      let uploaded = Counter()
      async let sending: Void = {
        for _ in 0..<count {
          try await upload.send(blob([UInt8](repeating: 1, count: size)))
          uploaded.add()
        }
        try await upload.finish()
      }()
      await until("the credit is used up") { uploaded.value >= Limits.initialStreamCredit / size }
      for _ in 0..<100 { _ = try await channel.call(TestService.unary, blob("others go on")) }
      #expect(uploaded.value <= bound)
      gate.open()
      try await sending
      var responses = upload.responses.makeAsyncIterator()
      #expect(try await responses.next()?.text == "\(size * count)")
    }
  }

  // MARK: Servers that come and go

  @Test("a channel finds its server again after a restart")
  func restart() async throws {
    let router = routes { $0.unary(TestService.unary) { request, _ in blob(request.grant) } }
    let first = try serve(router)
    let client = try channel(to: first.port)
    try await #expect(client.text(TestService.unary, "one") == "one")
    await first.shutdown(grace: .seconds(5))
    #expect(await failure { _ = try await client.call(TestService.unary, blob("")) }?.code == .unavailable)
    let second = try serve(router, port: first.port)
    var answer: String?
    let deadline = ContinuousClock.now + .seconds(30)
    while answer == nil, ContinuousClock.now < deadline {
      do {
        answer = try await client.text(TestService.unary, "two")
      } catch let error as RPCError {
        #expect(error.code == .unavailable)
        try await Task.sleep(for: error.retryAfter ?? .milliseconds(1))
      }
    }
    #expect(answer == "two")
    await client.close()
    await second.shutdown(grace: .seconds(5))
  }

  @Test("while the server is down, calls fail at once and say when to try again")
  func down() async throws {
    let server = try serve(Router())
    await server.shutdown(grace: .zero)
    let client = try channel(to: server.port)
    var last: RPCError?
    for _ in 0..<20 {
      last = await failure { _ = try await client.call(TestService.unary, blob("")) }
      #expect(last?.code == .unavailable)
    }
    #expect(last?.retryAfter != nil)
    #expect(await failure { _ = try await client.stream(TestService.bidirectional) }?.code == .unavailable)
    await client.close()
  }

  @Test("a call waits for a connection under way only until its deadline")
  func slowConnect() async throws {
    // A listener of plain TCP would do; one that never answers the handshake is a server socket nobody accepts from.
    let silent = try SilentServer()
    let client = try channel(to: silent.port)
    let error = await failure {
      _ = try await client.call(TestService.unary, timeout: .milliseconds(100), blob(""))
    }
    #expect(error?.code == .deadlineExceeded)
    await client.close()
  }

  @Test("closing a channel ends the calls that wait for a stream too, and whoever closes it again hears of the end")
  func close() async throws {
    let running = Counter()
    let router = routes { router in
      router.unary(TestService.unary) { _, _ in
        running.add()
        try await waitForCancellation()
        return blob("")
      }
    }
    try await withService(router) { channel, _ in
      let calls = (0..<Limits.maximumStreams + 50).map { _ in
        Task { _ = try await channel.call(TestService.unary, timeout: .seconds(30), blob("")) }
      }
      await until("as many as may are under way") { running.value == Limits.maximumStreams }
      async let first: Void = channel.close()
      async let second: Void = channel.close()
      for call in calls { #expect(await failure { try await call.value }?.code == .cancelled) }
      _ = await (first, second)
    }
  }

  @Test("shutting down lets calls in flight end and takes no new ones")
  func gracefulShutdown() async throws {
    let begun = Counter()
    let gate = Gate()
    let server = try serve(
      routes { router in
        router.unary(TestService.unary) { _, _ in
          begun.add()
          try await gate.wait()
          return blob("done")
        }
      })
    let client = try channel(to: server.port)
    let inFlight = Task { try await client.text(TestService.unary, "") }
    await until("the handler begins") { begun.value == 1 }
    let shutdown = Task { await server.shutdown(grace: .seconds(30)) }
    // Probes that came before the shutdown did have begun theirs.
    await until("new calls are refused") { await refused(client) }
    let begunBefore = begun.value
    #expect(await refused(client))
    #expect(begun.value == begunBefore)
    gate.open()
    try await #expect(inFlight.value == "done")
    await shutdown.value
    await client.close()
  }

  private func refused(_ client: Channel) async -> Bool {
    do {
      _ = try await client.call(TestService.unary, timeout: .milliseconds(20), blob(""))
      return false
    } catch {
      return error.code == .unavailable
    }
  }

  @Test("after the grace calls still in flight end with UNAVAILABLE and their handlers are cancelled")
  func graceOver() async throws {
    let endless = Endless()
    let server = try serve(endless.router)
    let client = try channel(to: server.port)
    let calls = (0..<10).map { _ in Task { try await client.call(TestService.unary, blob("")) } }
    await until("the handlers begin") { endless.begun.value == 10 }
    await server.shutdown(grace: .milliseconds(20))
    for call in calls { #expect(await failure { _ = try await call.value }?.code == .unavailable) }
    await until("the handlers are cancelled") { endless.cancelled.value == 10 }
    await client.close()
  }

  @Test("the pauses between attempts to connect grow, with jitter, up to a limit")
  func backoff() {
    var random = SeededRandom(4)
    var backoff = Backoff.connecting
    var expected = Backoff.connecting.first
    for _ in 0..<20 {
      let delay = backoff.failed(using: &random)
      #expect(delay >= expected * (1 - Backoff.jitter) && delay <= expected * (1 + Backoff.jitter))
      expected = min(Backoff.connecting.maximum, expected * Backoff.factor)
    }
    backoff.succeeded()
    #expect(backoff.failed(using: &random) <= Backoff.connecting.first * (1 + Backoff.jitter))
  }
}
