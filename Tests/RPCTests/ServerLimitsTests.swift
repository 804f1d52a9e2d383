import Dispatch
import Foundation
import Messages
import Synchronization
import Testing
import Transport

@testable import RPC

@Suite("What a server lets its clients do, and how long it keeps them")
struct ServerLimitsTests {
  private func limits(_ change: (inout ServerLimits) -> Void) -> ServerLimits {
    var limits = ServerLimits.standard
    limits.liveness.tick = .milliseconds(10)
    change(&limits)
    return limits
  }

  private let echo = routes { router in
    router.onReactor(TestService.onReactor) { request, response, _ throws(RPCError) in response.grant = request.grant }
    router.stream(TestService.bidirectional) { requests, responses, _ in
      for try await request in requests { try await responses.send(blob(request.grant)) }
    }
  }

  // MARK: Time

  @Test("an old connection is left for a new one: calls in flight end on it, new ones go elsewhere, none fails")
  func age() async throws {
    let server = try serve(echo, limits: limits { $0.maximumConnectionAge = .milliseconds(200) })
    let client = try ServiceClient(
      to: [SocketAddress(host: "127.0.0.1", port: server.port)], expecting: .ranker, serverName: nil,
      certificates: Certificates.of(.platform), logger: quiet)
    let call = try await client.stream(TestService.bidirectional)
    let until = ContinuousClock.now + .seconds(1)
    var responses = call.responses.makeAsyncIterator()
    while ContinuousClock.now < until {
      #expect(try await client.call(TestService.onReactor, blob("fine")).text == "fine")
      try await call.send(blob("still"))
      #expect(try await responses.next()?.text == "still")
    }
    try await call.finish()
    #expect(try await responses.next() == nil)
    await client.close()
    await server.shutdown(grace: .seconds(1))
  }

  @Test("calls that outstay their connection's grace end with UNAVAILABLE")
  func ageGrace() async throws {
    let limits = limits {
      $0.maximumConnectionAge = .milliseconds(50)
      $0.connectionGrace = .milliseconds(50)
    }
    try await withService(echo, limits: limits) { channel, _ in
      let call = try await channel.stream(TestService.bidirectional)
      let error = await failure { for try await _ in call.responses {} }
      #expect(error?.code == .unavailable && error?.message.contains("age") == true)
    }
  }

  @Test("who only hears of changes does not hold up a server that stops, nor a connection that is too old")
  func endless() async throws {
    let health = HealthBoard()
    let router = routes { $0.installStandardServices(health: health) }
    func watch(_ channel: Channel) async throws -> ClientCall<Proto.HealthCheckRequest, Proto.HealthCheckResponse> {
      let call = try await channel.stream(StandardMethods.watchHealth)
      try await call.send { _ in }
      var responses = call.responses.makeAsyncIterator()
      #expect(try await responses.next()?.status == .notServing)
      return call
    }
    let aging = limits { $0.maximumConnectionAge = .milliseconds(200) }
    let old = try serve(router, limits: aging)
    let first = try channel(to: old.port)
    let call = try await watch(first)
    let aged = await failure { for try await _ in call.responses {} }
    #expect(aged?.code == .unavailable && aged?.message.contains("age") == true)
    await first.close()
    await old.shutdown(grace: .zero)

    let server = try serve(router)
    let second = try channel(to: server.port)
    let last = try await watch(second)
    // Longer than the test may take.
    await server.shutdown(grace: .seconds(3_600))
    #expect(await failure { for try await _ in last.responses {} }?.code == .unavailable)
    await until("the board hears that nobody watches") { health.watchers == 0 }
    await second.close()
  }

  @Test("a connection without calls is closed, and made again for the next call")
  func idle() async throws {
    let limits = limits { $0.idleTimeout = .milliseconds(50) }
    let server = try serve(echo, limits: limits)
    let peer = try await RawPeer.client(to: server.port)
    peer.send(helloFrame)
    await until("it is closed") { peer.isClosed }
    #expect(peer.goAwayReason?.contains("idle") == true)
    await server.shutdown(grace: .zero)
  }

  @Test("half a frame is not waited for, and the connection says so at its end")
  func halfFrame() async throws {
    let limits = limits { $0.liveness.frameTimeout = .milliseconds(50) }
    let server = try serve(echo, limits: limits)
    let peer = try await RawPeer.client(to: server.port)
    peer.send(helloFrame + Array(frame(.call, .endStream, stream: 1, body: [1, 2, 3]).dropLast()))
    await until("it is closed") { peer.isClosed }
    #expect(peer.goAwayReason?.contains("does not come whole") == true)
    await server.shutdown(grace: .zero)
  }

  @Test("a peer that is silent while a call is in flight is pinged, then given up")
  func keepalive() async throws {
    let limits = limits {
      $0.liveness.keepaliveInterval = .milliseconds(50)
      $0.liveness.keepaliveTimeout = .milliseconds(50)
    }
    let cancelled = Counter()
    let router = routes { router in
      router.unary(TestService.unary) { _, _ in
        defer { cancelled.add() }
        try await waitForCancellation()
        return blob("")
      }
    }
    let server = try serve(router, limits: limits)
    let peer = try await RawPeer.client(to: server.port)
    var request = FrameHeader(.call, flags: .endStream, stream: 1)
    request.method = TestService.unary.id
    peer.send(helloFrame + request.encoded)
    await until("it is given up") { peer.isClosed }
    #expect(peer.frames.contains { $0.header.type == .ping })
    await until("the handler is cancelled") { cancelled.value == 1 }
    await server.shutdown(grace: .zero)
  }

  @Test("a client of ours answers pings, so that a long call lives")
  func keptAlive() async throws {
    let limits = limits {
      $0.liveness.keepaliveInterval = .milliseconds(30)
      $0.liveness.keepaliveTimeout = .milliseconds(500)
    }
    let router = routes { router in
      router.unary(TestService.unary) { request, _ in
        try await Task.sleep(for: .milliseconds(700))
        return blob(request.grant)
      }
    }
    try await withService(router, limits: limits) { channel, _ in
      try await #expect(channel.text(TestService.unary, "there") == "there")
    }
  }

  @Test("no connection outlives its client's certificate")
  func certificate() {
    var limits = ServerLimits.standard
    limits.maximumConnectionAge = .seconds(3_600)
    #expect(limits.age(certificateEnds: 1_000, now: 400) == .seconds(600))
    #expect(limits.age(certificateEnds: 1_000, now: 2_000) == .zero)
    let ages = (0..<200).map { _ in limits.age(certificateEnds: .max / 2, now: 0) }
    #expect(ages.allSatisfy { $0 >= .seconds(3_240) && $0 <= .seconds(3_960) })
    #expect(Set(ages).count > 100)
  }

  // MARK: Messages a second

  @Test("more messages a second than the method takes are RESOURCE_EXHAUSTED with a time to come back")
  func rate() async throws {
    let lookups = TestService.method("Limited", .unary, request: 100, rate: 5)
    let stream = TestService.method("LimitedStream", .bidirectional, rate: 5)
    let limits = limits { $0.liveness.tick = .seconds(3_600) }
    let router = routes { router in
      router.onReactor(lookups) { request, response, _ throws(RPCError) in response.grant = request.grant }
      router.stream(stream) { requests, _, _ in for try await _ in requests {} }
    }
    // The same methods as a client sees them that does not keep their limits.
    let boundless = TestService.method("Limited", .unary, request: 100)
    let boundlessStream = TestService.method("LimitedStream", .bidirectional)
    try await withService(router, limits: limits) { channel, _ in
      for _ in 0..<5 { try await #expect(channel.text(boundless, "fine") == "fine") }
      let error = await failure { _ = try await channel.text(boundless, "too many") }
      #expect(error?.code == .resourceExhausted && error?.retryAfter == .seconds(1) && error?.reach == .unknown)
      let call = try await channel.stream(boundlessStream)
      let flood = await failure {
        for _ in 0..<6 { try await call.send(blob("")) }
        for try await _ in call.responses {}
      }
      #expect(flood?.code == .resourceExhausted)
    }
  }

  @Test("the client, too, counts the messages of a second, and sends none over the limit")
  func writersRate() async throws {
    let lookups = TestService.method("Limited", .unary, request: 100, rate: 5)
    let stream = TestService.method("LimitedStream", .bidirectional, rate: 5)
    let seen = Mutex(0)
    let router = routes { router in
      router.onReactor(TestService.method("Limited", .unary, request: 100)) { request, response, _ throws(RPCError) in
        seen.withLock { $0 += 1 }
        response.grant = request.grant
      }
      router.stream(TestService.method("LimitedStream", .bidirectional)) { requests, _, _ in
        for try await _ in requests {}
      }
    }
    try await withService(router) { channel, _ in
      var failures: [RPCError] = []
      for _ in 0..<50 {
        do { _ = try await channel.text(lookups, "fine") } catch { failures.append(try #require(error as? RPCError)) }
      }
      #expect(!failures.isEmpty && seen.withLock { $0 } == 50 - failures.count)
      #expect(failures.allSatisfy { $0.code == .resourceExhausted && $0.reach == .notSent })
      #expect(failures.first?.message == "test.Service/Limited: over 5 messages a second on one connection")
      let call = try await channel.stream(stream)
      let flood = await failure {
        for _ in 0..<50 { try await call.send(blob("")) }
        for try await _ in call.responses {}
      }
      #expect(flood?.code == .resourceExhausted && flood?.retryAfter == .seconds(1))
    }
  }

  // MARK: Where handlers run

  @Test("a request that is too heavy for the reactor runs on the pool, through the same handler")
  func heavy() async throws {
    let pool = BlockingPool(name: "heavy", width: 1, maximumCalls: 1)
    let (method, gate) = (TestService.method("Heavy", .unary, request: 100, response: 100), DispatchSemaphore(value: 0))
    let router = routes { router in
      router.onReactorInPlace(method, pool: pool, where: { $0.text.hasPrefix("heavy") }) {
        request, response, context throws(RPCError) in
        if request.text == "heavy fails" { throw RPCError(.notFound, "nothing") }
        if request.text == "heavy waits" { gate.wait() }
        let text = request.text == "heavy overflow" ? String(repeating: "x", count: 101) : threadName()
        Array(text.utf8).withUnsafeBytes { response.bytes(1, $0) }
      }
    }
    try await withService(router) { channel, _ in
      try await #expect(channel.text(method, "light") == "rpc-0")
      try await #expect(channel.text(method, "heavy") != "rpc-0")
      await #expect(failure { _ = try await channel.text(method, "heavy fails") }?.code == .notFound)
      await #expect(failure { _ = try await channel.text(method, "heavy overflow") }?.code == .resourceExhausted)
      async let waiting = channel.text(method, "heavy waits")
      await until("the pool is full") { pool.calls == 1 }
      let full = await failure { _ = try await channel.text(method, "heavy") }
      #expect(full?.code == .resourceExhausted && full?.retryAfter != nil)
      try await #expect(channel.text(method, "light") == "rpc-0")
      gate.signal()
      _ = try await waiting
      await until("the pool is empty") { pool.calls == 0 }
    }
  }

  @Test("a handler runs where its route says: on the reactor, or on the pool")
  func places() async throws {
    let pool = BlockingPool(name: "test", width: 1, maximumCalls: 1)
    let gate = Gate()
    let names = Mutex<[String]>([])
    let onReactor = TestService.method("Placed", .unary)
    let blocking = TestService.method("Blocking", .unary)
    let router = routes { router in
      router.unary(onReactor, runs: .onReactor) { request, _ in
        names.withLock { $0.append(threadName()) }
        try await Task.sleep(for: .milliseconds(1))
        names.withLock { $0.append(threadName()) }
        return blob(request.grant)
      }
      router.unary(blocking, runs: .blocking(pool)) { request, _ in
        try await gate.wait()
        return blob(request.grant)
      }
    }
    try await withService(router) { channel, _ in
      try await #expect(channel.text(onReactor, "here") == "here")
      #expect(names.withLock { $0 } == ["rpc-0", "rpc-0"])
      async let first = channel.text(blocking, "first")
      await until("the pool is full") { pool.calls == 1 }
      let error = await failure { _ = try await channel.text(blocking, "second") }
      #expect(error?.code == .resourceExhausted && error?.retryAfter != nil)
      gate.open()
      #expect(try await first == "first")
      await until("the pool is empty") { pool.calls == 0 }
      try await #expect(channel.text(blocking, "third") == "third")
    }
  }

  @Test("calls whose request has not come, or not whole, take no place on the pool")
  func placesOfTheSilent() async throws {
    let pool = BlockingPool(name: "test", width: 1, maximumCalls: 1)
    let (blocking, streaming) = (TestService.method("Blocking", .unary), TestService.serverStream)
    let router = routes { router in
      router.unary(blocking, runs: .blocking(pool)) { request, _ in blob(request.grant) }
      router.stream(streaming, runs: .blocking(pool)) { requests, responses, _ in
        for try await request in requests { try await responses.send(blob(request.grant)) }
      }
    }
    try await withService(router) { channel, server in
      let silent = try await channel.stream(streaming)
      let peer = try await RawPeer.client(to: server.port)
      peer.send(helloFrame + call(blocking, .more, stream: 1, [1]) + call(streaming, [], stream: 3, []))
      peer.send(frame(.ping, body: [UInt8](repeating: 0, count: 8)))
      await until("the peer is heard") { peer.frames.contains { $0.header.type == .pong } }
      #expect(pool.calls == 0)
      try await #expect(channel.text(blocking, "fine") == "fine")
      // They take one as soon as there is something to be done.
      try await silent.send(blob("late"))
      try await silent.finish()
      var texts: [String] = []
      for try await response in silent.responses { texts.append(response.text) }
      #expect(texts == ["late"])
      await until("the place is free") { pool.calls == 0 }
      // One that ends without a request has nothing to be answered.
      peer.send(frame(.end, stream: 3))
      await until("it has ended") { peer.frames.contains { $0.header.type == .end && $0.header.stream == 3 } }
      #expect(peer.status(3) == nil)
      peer.close()
    }
  }

  // MARK: Tenants

  private let tenantEcho = routes { router in
    router.onReactor(TestService.onReactor) { request, response, context throws(RPCError) in
      let tenant = request.grant
      let outcome = tenant.withUnsafeBytes { bytes in
        Result { () throws(RPCError) in try context.authorise(tenant: bytes) }
      }
      try outcome.get()
      response.grant = tenant
    }
  }

  @Test("a tenant's certificate, and a tenant's server name, are good for that tenant only")
  func tenants() async throws {
    let server = try serve(tenantEcho, tenantDomain: "ranker.example")
    func ask(_ tenant: String, as role: Role, at serverName: String?) async throws -> StatusCode {
      let channel = try channel(to: server.port, as: role, serverName: serverName)
      defer { Task { await channel.close() } }
      do {
        _ = try await channel.text(TestService.onReactor, tenant)
        return .ok
      } catch let error as RPCError {
        return error.code
      }
    }
    #expect(try await ask("acme", as: .platform, at: nil) == .ok)
    #expect(try await ask("acme", as: .platform, at: "acme.ranker.example") == .ok)
    #expect(try await ask("acme", as: .platform, at: "other.ranker.example") == .permissionDenied)
    #expect(try await ask("acme", as: .tenant, at: "localhost") == .ok)
    #expect(try await ask("other", as: .tenant, at: "localhost") == .permissionDenied)
    #expect(try await ask("acme", as: .tenant, at: "acme.ranker.example") == .ok)
    #expect(try await ask("other", as: .tenant, at: "other.ranker.example") == .permissionDenied)
    #expect(try await ask("acme", as: .tenant, at: "other.ranker.example") == .permissionDenied)
    await server.shutdown(grace: .seconds(1))
  }

  @Test(
    "a name under the domain names a tenant, in any spelling; others do not",
    arguments: [
      ("acme.ranker.example", "acme"), ("ACME.Ranker.example.", "acme"), ("a.b.ranker.example", "a.b"),
      ("ranker.example", nil), ("xranker.example", nil), (".ranker.example", nil), ("acme.other.example", nil),
      ("acme.ranker.example.org", nil), ("", nil), (".", nil), ("ranker.example.", nil), ("acme.ranker.example..", nil),
    ] as [(String, String?)])
  func names(serverName: String, tenant: String?) {
    #expect(TenantNames.label(of: serverName, under: "ranker.example") == tenant.map { Array($0.utf8) })
  }
}

/// Name of the calling thread.
private func threadName() -> String {
  let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
  return name?.trimmingCharacters(in: .newlines) ?? ""
}
