import Messages
import Synchronization
import Testing
import Transport

@testable import RPC

@Suite("A client of several servers", .timeLimit(.minutes(5)))
struct ServiceClientTests {
  private func client(_ ports: [UInt16]) throws -> ServiceClient {
    try ServiceClient(
      to: ports.map { SocketAddress(host: "127.0.0.1", port: $0) }, expecting: .ranker, serverName: "localhost",
      certificates: Certificates.of(.platform), logger: quiet)
  }

  /// Answers with a name.
  private func named(_ name: String) -> Router {
    routes { router in
      for method in [TestService.unary, TestService.idempotent, TestService.keyed] {
        router.unary(method) { _, _ in blob(name) }
      }
      router.stream(TestService.bidirectional) { _, responses, _ in try await responses.send(blob(name)) }
    }
  }

  private func answer(
    _ client: ServiceClient, _ method: RPC.Method<Blob, Blob> = TestService.unary, key: String? = nil
  ) async throws -> String {
    try await client.call(method, options: CallOptions(key: key), blob("")).text
  }

  /// Serves on a port whose last listener is closed, but perhaps not yet gone.
  private func serveAgain(_ router: Router, port: UInt16) async throws -> Server {
    var server: Server?
    await until("port \(port) is free") {
      server = try? serve(router, port: port)
      return server != nil
    }
    return try #require(server)
  }

  // MARK: Which server

  @Test("a key keeps to its server, another is found while that is down, and it is gone back to")
  func affinity() async throws {
    var servers = try ["a", "b", "c"].map { try serve(named($0)) }
    let ports = servers.map(\.port)
    let client = try client(ports)
    var homes: [String: String] = [:]
    for key in (0..<30).map({ "\($0)" }) { homes[key] = try await answer(client, key: key) }
    #expect(Set(homes.values) == ["a", "b", "c"])
    for (key, home) in homes { #expect(try await answer(client, key: key) == home) }

    await servers[0].shutdown(grace: .seconds(5))
    for (key, home) in homes {
      let other = try await answer(client, key: key)
      #expect(home == "a" ? other != "a" : other == home)
    }
    servers[0] = try await serveAgain(named("a"), port: ports[0])
    let key = try #require(homes.first { $0.value == "a" }?.key)
    await until("the client goes back") { (try? await answer(client, key: key)) == "a" }
    await client.close()
    for server in servers { await server.shutdown(grace: .zero) }
  }

  @Test("calls without a key go to the server with the fewest calls, streams included")
  func leastBusy() async throws {
    let gate = Gate()
    let waiting = (0..<2).map { _ in Counter() }
    let servers = try (0..<2).map { place in
      try serve(
        routes { router in
          router.stream(TestService.bidirectional) { _, _, _ in
            waiting[place].add()
            try await gate.wait()
          }
        })
    }
    let client = try client(servers.map(\.port))
    var calls: [ClientCall<Blob, Blob>] = []
    for _ in 0..<10 { calls.append(try await client.stream(TestService.bidirectional)) }
    await until("all are there") { waiting.map(\.value) == [5, 5] }
    gate.open()
    await client.close()
    for server in servers { await server.shutdown(grace: .zero) }
  }

  @Test("servers that are restarted one after the other lose no call, though none may be made twice")
  func rollingRestart() async throws {
    let carriedOut = Counter()
    func start(port: UInt16 = 0) async throws -> (Server, Counter) {
      let own = Counter()
      let router = routes { router in
        router.unary(TestService.unary) { request, _ in
          carriedOut.add()
          own.add()
          return blob(request.text)
        }
      }
      return (try await serveAgain(router, port: port), own)
    }
    var servers = [try await start().0, try await start().0]
    let ports = servers.map(\.port)
    let client = try client(ports)
    let stop = Counter()
    let made = Counter()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for caller in 0..<8 {
        group.addTask {
          while stop.value == 0 {
            let text = try await client.call(TestService.unary, blob("\(caller)")).text
            #expect(text == "\(caller)")
            made.add()
          }
        }
      }
      for round in 0..<4 {
        await servers[round % 2].shutdown(grace: .seconds(60))
        let (server, own) = try await start(port: ports[round % 2])
        servers[round % 2] = server
        await until("the client is back") { own.value > 100 }
      }
      stop.add()
      try await group.waitForAll()
    }
    #expect(carriedOut.value == made.value)
    await client.close()
    for server in servers { await server.shutdown(grace: .zero) }
  }

  @Test("a server that is up but unfit to answer is left alone for a while, and gone back to when it is fit")
  func unfit() async throws {
    let refusals = Counter()
    let fit = Gate()
    let router = routes { router in
      router.unary(TestService.idempotent) { _, _ in
        guard fit.isOpenNow else {
          refusals.add()
          throw RPCError(.unavailable, "not told yet")
        }
        return blob("unfit")
      }
    }
    let servers = [try serve(router), try serve(named("fit"))]
    let client = try client(servers.map(\.port))
    for key in 0..<500 { #expect(try await answer(client, TestService.idempotent, key: "\(key)") == "fit") }
    #expect(refusals.value > 0 && refusals.value < 50)
    fit.open()
    await until("the client goes back") {
      var answers = Set<String>()
      for key in 0..<20 { answers.insert((try? await answer(client, TestService.idempotent, key: "\(key)")) ?? "") }
      return answers == ["fit", "unfit"]
    }
    await client.close()
    for server in servers { await server.shutdown(grace: .zero) }
  }

  /// Two servers, "a" and "b", that say that they are serving.
  private func serveWithHealth() throws -> (boards: [HealthBoard], servers: [Server]) {
    let boards = [HealthBoard(), HealthBoard()]
    let servers = try zip(["a", "b"], boards).map { name, board in
      var router = named(name)
      router.installStandardServices(health: board)
      board.setAll(.serving)
      return try serve(router)
    }
    return (boards, servers)
  }

  @Test("a server that says that it is not serving is passed over until it says otherwise, and can stop at once")
  func health() async throws {
    let (boards, servers) = try serveWithHealth()
    let client = try client(servers.map(\.port))
    func answers() async throws -> Set<String> {
      var answers = Set<String>()
      for key in 0..<20 { answers.insert(try await answer(client, key: "\(key)")) }
      return answers
    }
    #expect(try await answers() == ["a", "b"])
    boards[0].setAll(.notServing)
    await until("it is passed over") { (try? await answers()) == ["b"] }
    boards[0].setAll(.serving)
    await until("it is gone back to") { (try? await answers()) == ["a", "b"] }
    boards[0].setAll(.notServing)
    await until("it is passed over again") { (try? await answers()) == ["b"] }
    #expect(boards[0].watchers == 1)
    await servers[0].shutdown(grace: .seconds(300))
    await until("nobody watches it") { boards[0].watchers == 0 }
    #expect(try await answers() == ["b"])
    await client.close()
    await until("nobody watches the other") { boards[1].watchers == 0 }
    await servers[1].shutdown(grace: .seconds(300))
  }

  @Test("health is followed past the deadline of the handler that made the first call")
  func healthFromHandler() async throws {
    let (boards, servers) = try serveWithHealth()
    let client = try client(servers.map(\.port))
    let deadline = ContinuousClock.now + .milliseconds(200)
    try await CallContext.$inheritedDeadline.withValue(deadline) { _ = try await answer(client) }
    try await ContinuousClock().sleep(until: deadline + .milliseconds(100))
    await until("both are watched") { boards.allSatisfy { $0.watchers == 1 } }
    boards[0].setAll(.notServing)
    await until("it is passed over") {
      var answers = Set<String>()
      for key in 0..<20 { answers.insert((try? await answer(client, key: "\(key)")) ?? "") }
      return answers == ["b"]
    }
    await client.close()
    for server in servers { await server.shutdown(grace: .zero) }
  }

  @Test("calls that are refused together are one refusal, and streams that are refused count as calls do")
  func refusals() async throws {
    let router = routes { router in
      router.unary(TestService.idempotent) { _, _ in throw RPCError(.unavailable, "not told yet") }
      router.stream(TestService.bidirectional) { _, _, _ in throw RPCError(.unavailable, "not told yet") }
    }
    let server = try serve(router)
    let core = ChannelCore(
      to: SocketAddress(host: "127.0.0.1", port: server.port), expecting: .ranker, serverName: "localhost",
      context: try TLSContext(client: Certificates.of(.platform)), logger: quiet, reactor: try SharedReactor.get())
    let link = ServerLink(Channel(core), address: "it")
    func isServing(after time: Duration) -> Bool {
      link.candidate(for: nil, wasTried: false, now: .now + time).isServing
    }
    let deadline = ContinuousClock.now + .seconds(30)
    #expect(isServing(after: .zero))
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<20 {
        group.addTask {
          _ = try? await link.call(TestService.idempotent, by: deadline, CallMetadata(CallOptions()), blob(""))
        }
      }
    }
    // The first pause, and the second if the calls took longer than that: twenty would be at the most there is.
    #expect(isServing(after: Backoff.connecting.first * Backoff.factor * Backoff.factor * 1.5))
    await until("the pause is over") { isServing(after: .zero) }
    let call = try await link.channel.stream(
      TestService.bidirectional, by: deadline, CallMetadata(CallOptions()), load: ServerLoad(on: link))
    #expect(await failure { for try await _ in call.responses {} }?.code == .unavailable)
    #expect(!isServing(after: .zero))
    await link.channel.close()
    await server.shutdown(grace: .zero)
  }

  // MARK: Retries

  /// Fails the first `failures` calls.
  private func failing(_ failures: Int, _ error: RPCError, _ calls: Counter) -> Router {
    routes { router in
      for method in [TestService.unary, TestService.idempotent, TestService.keyed] {
        router.unary(method) { request, _ in
          calls.add()
          if calls.value <= failures { throw error }
          return blob("\(calls.value)")
        }
      }
    }
  }

  @Test("an idempotent call is made again until it succeeds; another is not")
  func retries() async throws {
    for (method, attempts) in [(TestService.unary, 1), (TestService.idempotent, 3), (TestService.keyed, 3)] {
      let calls = Counter()
      let server = try serve(failing(2, RPCError(.unavailable, "not now"), calls))
      let client = try client([server.port])
      let answer = try? await answer(client, method)
      #expect(answer == (attempts == 1 ? nil : "3"))
      #expect(calls.value == attempts)
      await client.close()
      await server.shutdown(grace: .zero)
    }
  }

  @Test("all attempts carry one key, which no other call has, and their number")
  func metadata() async throws {
    let heard = Mutex<[(attempt: UInt32, key: String?)]>([])
    let router = routes { router in
      for method in [TestService.idempotent, TestService.keyed] {
        router.unary(method) { _, context in
          let count = heard.withLock { heard in
            heard.append((context.attempt, context.idempotencyKey))
            return heard.count
          }
          if count % 2 != 0 { throw RPCError(.unavailable, "not now", retryAfter: .milliseconds(1)) }
          return blob("")
        }
      }
    }
    let server = try serve(router)
    let client = try client([server.port])
    for method in [TestService.keyed, TestService.keyed, TestService.idempotent] {
      _ = try await answer(client, method)
    }
    _ = try await client.call(TestService.keyed, options: CallOptions(idempotencyKey: "mine"), blob(""))
    let calls = heard.withLock { $0 }
    #expect(calls.map(\.attempt) == [0, 1, 0, 1, 0, 1, 0, 1])
    let keys = stride(from: 0, to: 8, by: 2).map { Set(calls[$0..<$0 + 2].map(\.key)) }
    #expect(keys.allSatisfy { $0.count == 1 } && keys[0] != keys[1])
    #expect(keys[0].first??.utf8.count == 32)
    #expect(keys[2] == [nil] && keys[3] == ["mine"])
    await client.close()
    await server.shutdown(grace: .zero)
  }

  @Test("another server is asked where one cannot answer, with the next attempt")
  func otherServer() async throws {
    let calls = Counter()
    let servers = [
      try serve(failing(.max, RPCError(.unavailable, "not now"), calls)), try serve(named("good")),
    ]
    let client = try client(servers.map(\.port))
    for key in (0..<4).map({ "\($0)" }) {
      #expect(try await answer(client, TestService.idempotent, key: key) == "good")
    }
    #expect(calls.value <= 4)
    await client.close()
    for server in servers { await server.shutdown(grace: .zero) }
  }

  @Test("a call is given up after 5 attempts, or when the next would come too late")
  func givenUp() async throws {
    let calls = Counter()
    let server = try serve(failing(.max, RPCError(.unavailable, "not now"), calls))
    let client = try client([server.port])
    #expect(await failure { _ = try await answer(client, TestService.idempotent) }?.message == "not now")
    #expect(calls.value == 5)
    let late = await failure {
      _ = try await client.call(TestService.idempotent, timeout: .milliseconds(1), blob(""))
    }
    #expect(late?.code == .unavailable || late?.code == .deadlineExceeded)
    await client.close()
    await server.shutdown(grace: .zero)
  }

  @Test("where nobody listens, calls fail as unavailable and say why")
  func nobody() async throws {
    let servers = try (0..<2).map { _ in try serve(named("")) }
    let client = try client(servers.map(\.port))
    for server in servers { await server.shutdown(grace: .zero) }
    let error = await failure { _ = try await answer(client) }
    #expect(error?.code == .unavailable && error?.reach == .notSent)
    #expect(await failure { _ = try await client.stream(TestService.bidirectional) }?.code == .unavailable)
    await client.close()
    #expect(await failure { _ = try await answer(client) }?.code == .unavailable)
  }

  @Test("a server that accepts and then says nothing holds calls up for a moment, and fails none")
  func silent() async throws {
    let silent = try SilentServer()
    let server = try serve(named("here"))
    let client = try client([silent.port, server.port])
    let first = try await withThrowingTaskGroup(of: String.self) { group in
      for key in 0..<16 { group.addTask { try await answer(client, key: "\(key)") } }
      return try await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    #expect(first == ["here"])
    for key in 0..<16 { #expect(try await answer(client, key: "\(key)") == "here") }
    await client.close()
    await server.shutdown(grace: .zero)
  }

  @Test("a stream starts where it can")
  func streams() async throws {
    let gone = try serve(named("gone"))
    let port = gone.port
    await gone.shutdown(grace: .zero)
    let server = try serve(named("here"))
    let client = try client([port, server.port])
    for _ in 0..<5 {
      let call = try await client.stream(TestService.bidirectional)
      var responses = call.responses.makeAsyncIterator()
      #expect(try await responses.next()?.text == "here")
    }
    await client.close()
    await server.shutdown(grace: .zero)
  }

  @Test("cancelling the caller ends the wait between two attempts")
  func cancelled() async throws {
    let calls = Counter()
    let server = try serve(failing(.max, RPCError(.unavailable, "", retryAfter: .seconds(30)), calls))
    let client = try client([server.port])
    let task = Task { try await answer(client, TestService.idempotent) }
    await until("the first attempt is made") { calls.value == 1 }
    task.cancel()
    let error = await failure { _ = try await task.value }
    #expect(error?.code == .cancelled || error?.code == .unavailable)
    #expect(calls.value == 1)
    await client.close()
    await server.shutdown(grace: .zero)
  }
}
