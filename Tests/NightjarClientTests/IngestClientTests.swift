import Commerce
import Messages
import NightjarClient
import RPC
import Synchronization
import Testing
import Transport

@Suite("Writing to ingest", .timeLimit(.minutes(5)))
struct IngestClientTests {
  /// What ingest keeps: events by id, and how often each was sent.
  private final class Shelf: Sendable {
    let counts = Mutex<[String: Int]>([:])

    /// Answers a batch as ingest does.
    func take(_ batch: View<Proto.RecordEventsRequest>) -> Encoded<Proto.WriteResponse> {
      let ids = batch.list(\.n_events, \.events).map(\.id)
      let verdicts: [Proto.Verdict] = counts.withLock { counts in
        ids.map { id in
          if id.hasPrefix("bad") { return .rejected }
          defer { counts[id, default: 0] += 1 }
          return counts[id] == nil ? .accepted : .duplicate
        }
      }
      let bad = verdicts.indices.filter { verdicts[$0] == .rejected }
      return Encoded { response in
        response.scalars(\.n_verdicts, \.verdicts, verdicts)
        response.list(\.n_rejections, \.rejections, of: bad) { rejection, row in
          rejection.row = UInt32(row)
          rejection.field = "id"
          rejection.reason = "is bad"
        }
        response.sequence = UInt64(counts.withLock { $0.count })
      }
    }
  }

  private func ingest(_ shelf: Shelf) throws -> Server {
    try serve(.ingest) { router in
      router.stream(IngestService.recordEvents) { requests, responses, _ in
        for try await request in requests { try await responses.send(shelf.take(request)) }
      }
    }
  }

  private func client(_ port: UInt16) throws -> IngestClient {
    try IngestClient(
      addresses: ["127.0.0.1:\(port)"], certificates: Certificates.of("tenant-uk"), tenant: TenantID("uk"),
      logger: quiet)
  }

  private static func event(_ id: String) throws -> Event {
    Event(
      id: try EventID(id), kind: .purchase, customer: try CustomerID("c"), occurredAt: Timestamp(microseconds: 1))
  }

  private static func batches(_ count: Int, of size: Int) -> AsyncStream<[Event]> {
    AsyncStream { feed in
      for batch in 0..<count { feed.yield((0..<size).map { try! event("event-\(batch)-\($0)") }) }
      feed.finish()
    }
  }

  @Test("every event is written once, and every batch answered once, wherever connections break", arguments: 1...6)
  func cuts(seed: UInt64) async throws {
    var random = SeededRandom(seed)
    let shelf = Shelf()
    let server = try ingest(shelf)
    // About 4 KB of handshake, then 2.3 KB a batch with its answer.
    let budgets = (0..<12).map { _ in Int.random(in: 9_000...25_000, using: &random) }
    let proxy = try CuttingProxy(to: server.port, budgets: budgets)
    let client = try client(proxy.port)
    let report = try await client.record(Self.batches(60, of: 50))
    #expect(report.rows == 3_000 && report.rejections.isEmpty)
    #expect(report.sequence == 3_000)
    let counts = shelf.counts.withLock { $0 }
    #expect(counts.count == 3_000)
    // What was sent again is what was answered as there already.
    #expect(report.accepted + report.duplicates == 3_000)
    #expect(counts.values.reduce(0, +) >= 3_000 + report.duplicates)
    #expect(proxy.cuts > 3)
    await client.close()
    proxy.close()
    await server.shutdown(grace: .zero)
  }

  @Test("a stream that breaks before any answer is given up after some attempts")
  func noProgress() async throws {
    let shelf = Shelf()
    let server = try serve(.ingest) { router in
      router.stream(IngestService.recordEvents) { _, _, _ in
        shelf.counts.withLock { $0["calls", default: 0] += 1 }
        throw RPCError(.unavailable, "the disk is asleep", retryAfter: .milliseconds(1))
      }
    }
    let client = try client(server.port)
    let error = await failure { _ = try await client.record(Self.batches(3, of: 1)) }
    #expect(error?.code == .unavailable)
    #expect(shelf.counts.withLock { $0["calls"] } == 5)
    await client.close()
    await server.shutdown(grace: .zero)
  }

  @Test("an ingest that wants to be left alone for an hour is not waited for")
  func longPause() async throws {
    let server = try serve(.ingest) { router in
      router.stream(IngestService.recordEvents) { _, _, _ in
        throw RPCError(.unavailable, "come back later", retryAfter: .seconds(3_600))
      }
    }
    let client = try client(server.port)
    #expect(await failure { _ = try await client.record(Self.batches(1, of: 1)) }?.message == "come back later")
    await client.close()
    await server.shutdown(grace: .zero)
  }

  @Test("what ingest will never take is not sent again")
  func refused() async throws {
    let shelf = Shelf()
    let server = try serve(.ingest) { router in
      router.stream(IngestService.recordEvents) { requests, responses, _ in
        var taken = 0
        for try await request in requests {
          guard taken < 2 else { throw RPCError(.invalidArgument, "no more") }
          taken += 1
          try await responses.send(shelf.take(request))
        }
      }
    }
    let client = try client(server.port)
    #expect(await failure { _ = try await client.record(Self.batches(40, of: 1)) }?.message == "no more")
    #expect(shelf.counts.withLock { $0.count } == 2)
    await client.close()
    await server.shutdown(grace: .zero)
  }

  @Test("rejected rows are named by their place in all that was written")
  func rejections() async throws {
    let server = try ingest(Shelf())
    let client = try client(server.port)
    let batches = [["a", "bad-b"], ["c"], ["a", "bad-e", "bad-f"]].map { $0.map { try! Self.event($0) } }
    let report = try await client.record(
      AsyncStream { feed in
        for batch in batches { feed.yield(batch) }
        feed.finish()
      })
    #expect(report.accepted == 2 && report.duplicates == 1)
    #expect(report.rejections.map(\.row) == [1, 4, 5])
    #expect(report.rejections.allSatisfy { $0.field == "id" && $0.reason == "is bad" })
    await client.close()
    await server.shutdown(grace: .zero)
  }

  @Test("an error of whoever makes the batches ends the recording")
  func sourceFails() async throws {
    struct Torn: Error {}
    let server = try ingest(Shelf())
    let client = try client(server.port)
    let event = try Self.event("a")
    let batches = AsyncThrowingStream<[Event], any Error> { feed in
      for _ in 0..<3 { feed.yield([event]) }
      feed.finish(throwing: Torn())
    }
    await #expect(throws: Torn.self) { try await client.record(batches) }
    await client.close()
    await server.shutdown(grace: .zero)
  }

  @Test("customers, products and offers go in batches, each under its tenant")
  func upserts() async throws {
    let sizes = Mutex<[Int]>([])
    let server = try serve(.ingest) { router in
      router.unary(IngestService.upsertCustomers) { request, _ in
        let rows = request.list(\.n_customers, \.customers).count
        sizes.withLock { $0.append(rows) }
        #expect(request.tenant == "uk")
        return Encoded {
          $0.scalars(\.n_verdicts, \.verdicts, [Proto.Verdict](repeating: .accepted, count: rows))
          $0.sequence = 9
        }
      }
      router.unary(IngestService.upsertProducts) { _, _ in Encoded { _ in } }
    }
    let client = try client(server.port)
    let customers = try (0..<2_300).map { Customer(id: try CustomerID("\($0)")) }
    let report = try await client.upsert(customers)
    #expect(report.accepted == 2_300 && report.sequence == 9)
    #expect(sizes.withLock { $0 } == [1_000, 1_000, 300])
    #expect(try await client.upsert([Customer]()).rows == 0)
    let product = try Product(id: ProductID("p"))
    #expect(await failure { _ = try await client.upsert([product]) }?.code == .internal)
    await client.close()
    await server.shutdown(grace: .zero)
  }
}
