import Messages
import Testing
import Transport

@testable import RPC

@Suite("Calls over TLS")
struct CallTests {
  private let echoes = routes { router in
    router.onReactor(TestService.onReactor) { request, response, _ throws(RPCError) in
      response.grant = request.grant
    }
    router.unary(TestService.unary) { request, _ in blob(request.grant) }
    router.stream(TestService.serverStream) { requests, responses, _ in
      for try await request in requests {
        for byte in request.grant { try await responses.send(blob([byte])) }
      }
    }
    router.stream(TestService.clientStream) { requests, responses, _ in
      var all: [UInt8] = []
      for try await request in requests { all += request.grant }
      try await responses.send(blob(all))
    }
    router.stream(TestService.bidirectional) { requests, responses, _ in
      for try await request in requests { try await responses.send { $0.grant = request.grant.reversed() } }
    }
  }

  @Test("a unary call is answered on the reactor and by a task", arguments: [0, 1, 400, 40_000])
  func unary(size: Int) async throws {
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
    try await withService(echoes) { channel, _ in
      for _ in 0..<3 {
        try await #expect(channel.bytes(TestService.onReactor, bytes) == bytes)
        try await #expect(channel.bytes(TestService.unary, bytes) == bytes)
      }
    }
  }

  @Test("a server stream brings its messages in order and ends")
  func serverStream() async throws {
    try await withService(echoes) { channel, _ in
      let call = try await channel.stream(TestService.serverStream)
      try await call.send { $0.grant = [1, 2, 3] }
      try await call.finish()
      var received: [UInt8] = []
      for try await response in call.responses { received += response.grant }
      #expect(received == [1, 2, 3])
    }
  }

  @Test("a client stream takes many requests, a stream without any too")
  func clientStream() async throws {
    try await withService(echoes) { channel, _ in
      for count in [0, 1, 500] {
        let call = try await channel.stream(TestService.clientStream)
        for index in 0..<count { try await call.send { $0.grant = [UInt8(truncatingIfNeeded: index)] } }
        try await call.finish()
        var responses = call.responses.makeAsyncIterator()
        #expect(try await responses.next()?.grant == (0..<count).map { UInt8(truncatingIfNeeded: $0) })
        #expect(try await responses.next() == nil)
      }
    }
  }

  @Test("a bidirectional call answers before it has heard everything")
  func bidirectional() async throws {
    try await withService(echoes) { channel, _ in
      let call = try await channel.stream(TestService.bidirectional)
      var responses = call.responses.makeAsyncIterator()
      for index in 0..<100 as Range<UInt8> {
        try await call.send { $0.grant = [index, 0] }
        #expect(try await responses.next()?.grant == [0, index])
      }
      try await call.finish()
      #expect(try await responses.next() == nil)
      #expect(await failure { try await call.send(blob("late")) } != nil)
    }
  }

  @Test("large messages travel in fragments while small calls go on beside them")
  func largeMessages() async throws {
    var random = SeededRandom(1)
    let large = (0..<4).map { _ in (0..<400_000).flatMap { _ in withUnsafeBytes(of: random.next()) { [UInt8]($0) } } }
    try await withService(echoes) { channel, _ in
      try await withThrowingTaskGroup { group in
        for bytes in large {
          group.addTask { try await #expect(channel.bytes(TestService.unary, bytes) == bytes) }
        }
        for index in 0..<300 {
          group.addTask {
            let text = "small \(index)"
            try await #expect(channel.text(TestService.onReactor, text) == text)
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test("an answer of the reactor's over a frame's limit comes in fragments")
  func largeReactorAnswer() async throws {
    let bytes = [UInt8](repeating: 7, count: 900_000)
    try await withService(
      routes { router in
        router.onReactor(TestService.onReactor) { _, response, _ throws(RPCError) in response.grant = bytes }
      }
    ) { channel, _ in
      try await #expect(channel.bytes(TestService.onReactor, []) == bytes)
    }
  }

  @Test("thousands of calls at once on one connection, more than may be in flight")
  func manyCalls() async throws {
    try await withService(echoes, reactors: 2) { channel, _ in
      try await withThrowingTaskGroup { group in
        for index in 0..<4_000 {
          let method = index % 2 == 0 ? TestService.unary : TestService.onReactor
          group.addTask { try await #expect(channel.text(method, "\(index)") == "\(index)") }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test("a handler learns who calls, by what name and until when")
  func context() async throws {
    try await withService(
      routes { router in
        router.unary(TestService.unary) { _, context in
          blob("\(context.peer) \(context.serverName ?? "-") \(context.method) \(context.remaining <= .seconds(50))")
        }
      }
    ) { channel, _ in
      let answer = try await channel.call(TestService.unary, timeout: .seconds(50), blob(""))
      #expect(answer.text == "platform/a localhost test.Service/Unary true")
    }
  }

  @Test("a request that a synchronous handler keeps stays whole")
  func keptRequest() async throws {
    let kept = Kept()
    try await withService(
      routes { router in
        router.onReactor(TestService.onReactor) { request, response, _ throws(RPCError) in
          kept.keep(request)
          response.grant = request.grant
        }
      }
    ) { channel, _ in
      for index in 0..<50 { _ = try await channel.call(TestService.onReactor, blob("request \(index)")) }
      #expect(kept.texts == (0..<50).map { "request \($0)" })
    }
  }
}
