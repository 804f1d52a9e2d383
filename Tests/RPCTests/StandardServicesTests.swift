import Messages
import Testing
import Transport

@testable import RPC

@Suite("What every server answers")
struct StandardServicesTests {
  private func router(_ health: HealthBoard) -> Router {
    routes { router in
      router.unary(TestService.unary) { request, _ in blob(request.grant) }
      router.stream(TestService.bidirectional) { _, _, _ in }
      router.installStandardServices(health: health)
    }
  }

  @Test("health: the server and each of its services, and nothing of others")
  func check() async throws {
    let health = HealthBoard()
    try await withService(router(health)) { channel, _ in
      func status(_ service: String) async throws -> Proto.ServingStatus {
        try await channel.call(StandardMethods.checkHealth) { $0.service = service }.status
      }
      try await #expect(status("") == .notServing)
      try await #expect(status("test.Service") == .notServing)
      health.setAll(.serving)
      try await #expect(status("") == .serving)
      try await #expect(status("test.Service") == .serving)
      health.set(.notServing, for: "test.Service")
      try await #expect(status("") == .serving)
      try await #expect(status("test.Service") == .notServing)
      #expect(await failure { _ = try await status("test.Other") }?.code == .notFound)
    }
  }

  @Test("a watcher sees the status now and every change, and costs nothing when it is gone")
  func watch() async throws {
    let health = HealthBoard()
    try await withService(router(health)) { channel, _ in
      let call = try await channel.stream(StandardMethods.watchHealth)
      try await call.send { $0.service = "test.Service" }
      try await call.finish()
      var responses = call.responses.makeAsyncIterator()
      #expect(try await responses.next()?.status == .notServing)
      for _ in 0..<3 {
        health.setAll(.serving)
        #expect(try await responses.next()?.status == .serving)
        health.setAll(.notServing)
        #expect(try await responses.next()?.status == .notServing)
      }
      let unknown = try await channel.stream(StandardMethods.watchHealth)
      try await unknown.send { $0.service = "test.Later" }
      var later = unknown.responses.makeAsyncIterator()
      #expect(try await later.next()?.status == .unknown)
      health.set(.serving, for: "test.Later")
      #expect(try await later.next()?.status == .serving)
      #expect(health.watchers == 2)
      call.cancel()
      unknown.cancel()
      await until("nobody watches") { health.watchers == 0 }
    }
  }

  @Test("reflection lists every method with its kind, messages, callers and limits")
  func methods() async throws {
    try await withService(router(HealthBoard())) { channel, _ in
      let methods = try await channel.call(StandardMethods.listMethods) { _ in }.list(\.n_methods, \.methods)
      #expect(
        methods.map(\.name) == [
          "nightjar.v1.Health/Check", "nightjar.v1.Health/Watch", "nightjar.v1.Reflection/DescribeTypes",
          "nightjar.v1.Reflection/ListMethods", "test.Service/Bidirectional", "test.Service/Unary",
        ])
      let unary = try #require(methods.first { $0.name == "test.Service/Unary" })
      #expect(unary.kind == .unary && unary.request_type == "nightjar.v1.SignedGrant")
      #expect(unary.strings(\.n_callers, \.callers) == ["platform", "ranker", "tenant"])
      #expect(unary.maximum_request_bytes == 32 << 20 && unary.timeout_ms == 60_000 && !unary.repeatable)
      #expect(methods.first { $0.name == "test.Service/Bidirectional" }?.kind == .bidirectional)
      #expect(methods.first { $0.name == "nightjar.v1.Health/Watch" }?.kind == .serverStream)
    }
  }

  @Test("reflection describes a type and all that it refers to, and no type that no method uses")
  func types() async throws {
    try await withService(router(HealthBoard())) { channel, _ in
      func describe(_ names: [String]) async throws -> View<Proto.DescribeTypesResponse> {
        try await channel.call(StandardMethods.describeTypes) { $0.strings(\.n_names, \.names, names) }
      }
      let types = try await describe(["nightjar.v1.ListMethodsResponse"]).list(\.n_types, \.types)
      #expect(
        types.map(\.name) == [
          "nightjar.v1.CallKind", "nightjar.v1.ListMethodsResponse", "nightjar.v1.MethodDescription",
        ])
      #expect(types[0].list(\.n_values, \.values).map(\.name).contains("CALL_KIND_BIDIRECTIONAL"))
      let callers = try #require(types[2].list(\.n_fields, \.fields).first { $0.name == "callers" })
      #expect(callers.repeated_field && callers.type == "string" && callers.number == 5)
      #expect(types[1].list(\.n_fields, \.fields)[0].type_name == "nightjar.v1.MethodDescription")
      #expect(await failure { _ = try await describe(["nightjar.v1.Customer"]) }?.code == .notFound)
      #expect(await failure { _ = try await describe([]) }?.code == .invalidArgument)
      let many = [String](repeating: "nightjar.v1.SignedGrant", count: 65)
      #expect(await failure { _ = try await describe(many) }?.code == .invalidArgument)
    }
  }

  @Test("a method without its types calls and streams like the method itself")
  func anyMethod() async throws {
    let router = routes { router in
      router.unary(TestService.unary) { request, _ in blob(request.grant) }
      router.stream(TestService.bidirectional) { requests, responses, _ in
        for try await request in requests { try await responses.send(blob(request.grant)) }
      }
    }
    let server = try serve(router)
    let client = try ServiceClient(
      to: [SocketAddress(host: "127.0.0.1", port: server.port)], expecting: nil, serverName: nil,
      certificates: Certificates.of(.platform), logger: quiet)
    let request = blob("hello").bytes
    #expect(try await AnyMethod(TestService.unary).call(client, request) == request)
    let call = try await AnyMethod(TestService.bidirectional).stream(client)
    let received = Counter()
    for _ in 0..<3 { try await call.send(request) }
    try await call.finish()
    try await call.receive {
      #expect($0 == request)
      received.add()
    }
    #expect(received.value == 3)
    await client.close()
    await server.shutdown(grace: .seconds(1))
  }
}
