import Foundation
import Messages
import NightjarClient
import RPC
import Synchronization
import Testing
import Transport

@testable import Ranking

/// Ingest as a ranker sees it: takes served records in, or does not.
private final class FakeIngest: Sendable {
  enum Mood: Sendable { case takes, fails, refusesRows }

  private struct Content {
    var moods: [String: Mood] = [:]
    var numbers: [String: [Int]] = [:]
  }

  private let content = Mutex(Content())

  func set(_ mood: Mood, for tenant: String) { content.withLock { $0.moods[tenant] = mood } }
  func numbers(_ tenant: String) -> [Int] { content.withLock { $0.numbers[tenant, default: []] } }

  func serve() throws -> Server {
    var router = Router()
    router.unary(IngestService.recordServed) { [self] request, _ in
      let records = request.list(\.n_records, \.records)
      let mood = content.withLock { content in
        let mood = content.moods[request.tenant, default: .takes]
        if mood == .takes {
          content.numbers[request.tenant, default: []] += records.map { Int($0.served_at_us - 1_700_000_000_000_000) }
        }
        return mood
      }
      guard mood != .fails else { throw RPCError(.dataLoss, "the tenant's database cannot be used") }
      return Encoded<Proto.WriteResponse> { draft in
        draft.scalars(\.n_verdicts, \.verdicts, records.map { _ in mood == .takes ? .accepted : .rejected })
        guard mood == .refusesRows else { return }
        draft.list(\.n_rejections, \.rejections, of: 0..<records.count) { $0.row = UInt32($1) }
      }
    }
    return try Server(
      role: .ingest, address: SocketAddress(parsing: "127.0.0.1:0"), certificates: Certificates.files("ingest-a"),
      router: router, reactors: 1, logger: LogBook().logger)
  }
}

@Suite("Served records: to ingest", .serialized)
struct ServedShippingTests {
  /// Runs `body` with a writer whose records are shipped to a fake ingest.
  private func shipping(_ body: (ServedWriter, FakeIngest) async throws -> Void) async throws {
    let scratch = try Scratch()
    let log = LogBook()
    let writer = try ServedWriter.small(scratch.file("served"), segmentBytes: 64 << 10, logger: log.logger)
    let fake = FakeIngest()
    let server = try fake.serve()
    let client = try ServiceClient(
      to: [SocketAddress(parsing: "127.0.0.1:\(server.port)")], expecting: .ingest, serverName: nil,
      certificates: Certificates.files("ranker-a"), logger: log.logger)
    let shipper = Task { await ServedShipper(ingest: client, writer: writer, logger: log.logger).run() }
    do { try await body(writer, fake) } catch is CancellationError {}
    shipper.cancel()
    await shipper.value
    writer.close()
    await client.close()
    await server.shutdown(grace: .zero)
  }

  @Test("everything arrives, each tenant's by itself, and what has arrived is gone from the disk")
  func all() async throws {
    try await shipping { writer, ingest in
      for number in 0..<500 { writer.append(number, tenant: number % 5 == 0 ? "fr" : "uk") }
      try await eventually("all has arrived") { ingest.numbers("uk").count + ingest.numbers("fr").count >= 500 }
      #expect(ingest.numbers("uk").sorted() == (0..<500).filter { $0 % 5 != 0 })
      #expect(ingest.numbers("fr").sorted() == (0..<500).filter { $0 % 5 == 0 })
      try await eventually("nothing is left") { writer.segments.byteCount == 0 && writer.segments.oldest == nil }
      #expect(writer.figures.shipped == 500)
      let files = try FileManager.default.contentsOfDirectory(atPath: writer.segments.folder)
      #expect(files.filter { $0.hasSuffix(ServedSegments.suffix) }.isEmpty)
    }
  }

  @Test("a tenant that ingest cannot take holds nobody up, and comes when it can")
  func oneTenantFails() async throws {
    try await shipping { writer, ingest in
      ingest.set(.fails, for: "uk")
      for number in 0..<100 { writer.append(number, tenant: number % 2 == 0 ? "fr" : "uk") }
      try await eventually("the other tenant's have arrived") { ingest.numbers("fr").count == 50 }
      for number in 100..<110 { writer.append(number, tenant: "fr") }
      try await eventually("later ones too") { ingest.numbers("fr").count == 60 }
      #expect(ingest.numbers("uk").isEmpty && writer.segments.byteCount > 0)
      ingest.set(.takes, for: "uk")
      try await eventually("the tenant's have arrived") { ingest.numbers("uk").count >= 50 }
      #expect(Set(ingest.numbers("uk")) == Set((0..<100).filter { $0 % 2 == 1 }))
    }
  }

  @Test("a tenant that ingest cannot take slows nobody down, though it stands in every segment")
  func oneTenantFailsEverywhere() async throws {
    try await shipping { writer, ingest in
      ingest.set(.fails, for: "uk")
      // 64 KiB each: longer and longer pauses between so many would take minutes.
      let count = 24 * (64 << 10) / 200
      for number in 0..<count {
        writer.log.waitForRoom()
        writer.append(number, tenant: number % 16 == 0 ? "uk" : "fr")
      }
      let expected = (0..<count).filter { $0 % 16 != 0 }
      try await eventually("the other tenant's have arrived", within: .seconds(30)) {
        ingest.numbers("fr").count >= expected.count
      }
      #expect(ingest.numbers("uk").isEmpty && Set(ingest.numbers("fr")) == Set(expected))
    }
  }

  @Test("a tenant of which ingest takes nothing rests longer each time, until ingest takes it")
  func resting() {
    let (uk, fr, now) = (Array("uk".utf8), Array("fr".utf8), ContinuousClock.now)
    var resting = RestingTenants()
    for failures in 1...12 {
      resting.note(offered: [uk, fr], refused: [uk], at: now)
      let longest = min(Limits.shipDelay.longest, Limits.shipDelay.first * (1 << (failures - 1)))
      #expect(resting.contains(uk, at: now + longest * 0.49) && !resting.contains(uk, at: now + longest))
      #expect(!resting.contains(fr, at: now))
    }
    resting.note(offered: [uk], refused: [], at: now)
    #expect(!resting.contains(uk, at: now))
    resting.note(offered: [uk], refused: [uk], at: now)
    #expect(!resting.contains(uk, at: now + Limits.shipDelay.first))
  }

  @Test("what ingest refuses for good is counted and not sent again")
  func refused() async throws {
    try await shipping { writer, ingest in
      ingest.set(.refusesRows, for: "uk")
      for number in 0..<10 { writer.append(number) }
      try await eventually("it is counted") { writer.figures.count(of: .refused) == 10 }
      try await eventually("it is gone") { writer.segments.byteCount == 0 }
      #expect(writer.figures.shipped == 0)
    }
  }
}
