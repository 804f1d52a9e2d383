import Commerce
import Glibc
import Messages
import NightjarClient
import RPC
import Testing

@Suite("A service that is told to stop", .serialized, .timeLimit(.minutes(5)))
struct StopTests {
  @Test("finishes the calls in flight, takes no others, and exits well")
  func callsInFlight() async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      try await Shop.small.open("small", control: try cluster.channel(.control, as: "admin-cli"), ingest: ingest)
      let more = Shop.large.purchases().filter { $0.customer == "c1" && Int($0.product.dropFirst()) ?? 99 < 12 }
      try #require(more.count > 1)
      let call = try await ingest.stream(IngestService.recordEvents)
      var answers = call.responses.makeAsyncIterator()
      try await call.send { Shop.fill($0, "small", more[..<1]) }
      #expect(try await answers.next()?.judgedRows == 1)

      await cluster.signal("ingest-a", SIGTERM)
      try await eventually("it takes no other call") {
        do {
          _ = try await ingest.call(IngestService.describe) { $0.tenant = "small" }
          return false
        } catch {
          return (error as? RPCError)?.code == .unavailable
        }
      }
      try await call.send { Shop.fill($0, "small", more[1...]) }
      #expect(try await answers.next()?.judgedRows == more.count - 1)
      try await call.finish()
      #expect(try await answers.next() == nil)
      #expect(await cluster.end(of: "ingest-a") == .exited(0))

      try await cluster.start("ingest")
      let described = try await cluster.channel(.ingest, as: "platform-cli").call(IngestService.describe) {
        $0.tenant = "small"
      }
      #expect(described.events >= UInt64(Shop.small.purchases().count))
    }
  }
}
