import CNightjarProto
import Commerce
import Foundation
import Logging
import Messages
import NightjarClient
import RPC
import Synchronization
import Testing
import Transport

@testable import Console

@Suite("importing")
struct ImporterTests {
  private let folder: TemporaryFolder
  private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  init() throws {
    folder = try TemporaryFolder()
    let maker = Process()
    maker.executableURL = URL(filePath: "\(sourceTree)/deploy/dev-certificates.sh")
    maker.arguments = [folder.path, "ingest/a", "platform/cli"]
    try maker.run()
    maker.waitUntilExit()
    try #require(maker.terminationStatus == 0)
  }

  private func files(_ name: String) -> CertificateFiles {
    CertificateFiles(
      chain: "\(folder.path)/\(name).pem", key: "\(folder.path)/\(name)-key.pem", authorities: "\(folder.path)/ca.pem")
  }

  /// Runs `body` with an importer into a server that stands in for ingest.
  private func withImporter(
    _ ingest: StandIn, _ body: (FileImport, Recorder) async throws -> Void
  ) async throws {
    let server = try Server(
      role: .ingest, address: try SocketAddress(parsing: "127.0.0.1:0"), certificates: files("ingest-a"),
      router: ingest.router, reactors: 1, logger: quiet)
    let client = try ServiceClient(
      to: [try SocketAddress(parsing: "127.0.0.1:\(server.port)")], expecting: .ingest, serverName: nil,
      certificates: files("platform-cli"), logger: quiet)
    let recorder = Recorder()
    try await body(
      FileImport(importer: Importer(tenant: try TenantID("acme"), ingest: client), terminal: recorder.terminal()),
      recorder)
    await client.close()
    await server.shutdown(grace: .seconds(1))
  }

  private func events(_ count: Int, broken: Set<Int> = []) throws -> String {
    let rows = (1...count).map { row in
      broken.contains(row) ? "e\(row),purchase" : "e\(row),purchase,c1,p1,2011-01-01T00:00:00Z,1"
    }
    return try folder.write(
      "events.csv", (["id,kind,customer,product,occurred_at,quantity"] + rows).joined(separator: "\n"))
  }

  @Test("good rows are written, bad ones reported with their lines, whoever finds them bad")
  func goodAndBad() async throws {
    let ingest = StandIn(refusing: ["e1", "e2500"])
    let path = try events(5_000, broken: [2, 4_000])
    try await withImporter(ingest) { importing, _ in
      let report = try await importing.events(path)
      #expect(report.accepted == 4_996)
      #expect(report.rejected == 4)
      #expect(report.problems.map(\.line) == [2, 3, 2_501, 4_001])
      #expect(report.problems[0].reason == "customer is not wanted")
      #expect(report.problems[1].reason.contains("2 columns where the header has 6"))
      let again = try await importing.events(path)
      #expect(again.accepted == 0)
      #expect(again.duplicates == 4_996)
    }
    #expect(ingest.rows == 4_996)
  }

  @Test("batches without an answer are sent again after a lost stream", arguments: [0, 1, 3, 17])
  func lostStream(batches: Int) async throws {
    let ingest = StandIn(refusing: [], losesStreamAfter: batches)
    let path = try events(20_000)
    try await withImporter(ingest) { importing, _ in
      let report = try await importing.events(path)
      #expect(report.rows == 20_000)
      #expect(report.rejected == 0)
    }
    #expect(ingest.rows == 20_000)
    #expect(ingest.streams == 2)
  }

  @Test("customers and products go in batches")
  func upserts() async throws {
    let ingest = StandIn(refusing: ["c7"])
    let path = try folder.write("customers.csv", "id\n" + (1...2_500).map { "c\($0)" }.joined(separator: "\n"))
    try await withImporter(ingest) { importing, _ in
      let report = try await importing.customers(path)
      #expect(report.accepted == 2_499)
      #expect(report.problems.map(\.line) == [8])
    }
    #expect(ingest.batches == 3)
  }

  @Test("a header that is not right is refused before anything is sent")
  func header() async throws {
    let ingest = StandIn(refusing: [])
    let path = try folder.write("products.csv", "id,colour\np1,red\n")
    try await withImporter(ingest) { importing, _ in
      let error = await #expect(throws: ConsoleError.self) { try await importing.products(path) }
      #expect(error?.description.contains("\(path): header: column 'colour' is not known") == true)
      let absent = await #expect(throws: ConsoleError.self) { try await importing.events("/nowhere.csv") }
      #expect(absent?.description.contains("/nowhere.csv cannot be read") == true)
    }
    #expect(ingest.batches == 0)
  }

  @Test("a report keeps the first problems and counts the rest")
  func manyProblems() {
    var report = ImportReport(source: "x")
    for line in (1...3_000).reversed() { report.reject(line: line, "bad") }
    report.merge(ImportReport(source: "x"))
    #expect(report.rejected == 3_000)
    #expect(report.problems.count == ImportReport.maximumProblems)
    #expect(report.problems.map(\.line) == report.problems.map(\.line).sorted())
  }

  @Test("a report prints as one JSON object")
  func json() throws {
    var report = ImportReport(source: "a/b.csv")
    report.reject(line: 3, "bad \"x\"")
    let recorder = Recorder()
    try ImportCommand.show(report, try OutputOptions.parse(["--json"]), recorder.terminal())
    #expect(
      recorder.results
        == #"{"accepted":0,"duplicates":0,"problems":[{"line":3,"reason":"bad \"x\""}],"rejected":1,"source":"a/b.csv"}"#
        + "\n")
  }
}

/// A server that takes rows as ingest does: each id once, some refused, and one stream lost on the way.
private final class StandIn: Sendable {
  private struct State {
    var known = Set<String>()
    var batches = 0
    var streams = 0
  }

  private let state = Mutex(State())
  private let refused: Set<String>
  private let losesStreamAfter: Int?

  init(refusing refused: Set<String>, losesStreamAfter: Int? = nil) {
    self.refused = refused
    self.losesStreamAfter = losesStreamAfter
  }

  var rows: Int { state.withLock { $0.known.count } }
  var batches: Int { state.withLock { $0.batches } }
  var streams: Int { state.withLock { $0.streams } }

  var router: Router {
    var router = Router()
    router.unary(IngestService.upsertCustomers) { [self] request, _ in
      take(request.list(\.n_customers, \.customers).map(\.id))
    }
    router.unary(IngestService.upsertProducts) { [self] request, _ in
      take(request.list(\.n_products, \.products).map(\.id))
    }
    router.stream(IngestService.recordEvents) { [self] requests, responses, _ in
      let stream = state.withLock { state in
        state.streams += 1
        return state.streams
      }
      var answered = 0
      for try await request in requests {
        let answer = take(request.list(\.n_events, \.events).map(\.id))
        // The rows are written, and the caller does not hear of it.
        if stream == 1 && answered == losesStreamAfter { throw RPCError(.unavailable, "lost") }
        try await responses.send(answer)
        answered += 1
      }
    }
    return router
  }

  private func take(_ ids: [String]) -> Encoded<Proto.WriteResponse> {
    let verdicts: [Proto.Verdict] = state.withLock { state in
      state.batches += 1
      return ids.map { refused.contains($0) ? .rejected : state.known.insert($0).inserted ? .accepted : .duplicate }
    }
    return Encoded { draft in
      draft.scalars(\.n_verdicts, \.verdicts, verdicts)
      let rejected = verdicts.indices.filter { verdicts[$0] == .rejected }
      draft.list(\.n_rejections, \.rejections, of: rejected) { rejection, row in
        rejection.row = UInt32(row)
        rejection.field = "customer"
        rejection.reason = "is not wanted"
      }
    }
  }
}
