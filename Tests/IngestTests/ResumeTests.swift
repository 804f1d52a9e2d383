import Commerce
import NightjarClient
import RPC
import Synchronization
import Testing
import Transport

@testable import Ingest

@Suite("Recording through a client", .timeLimit(.minutes(5)))
struct ResumeTests {
  /// An ingest that is ended, calls and all, and started again on its folder and port.
  private actor Site {
    let scratch: Scratch
    private var running: (intake: Intake, server: Server)?
    let port: UInt16

    init() throws {
      scratch = try Scratch()
      let intake = try scratch.intake()
      let server = try Self.serve(intake, port: 0)
      port = server.port
      running = (intake, server)
    }

    private static func serve(_ intake: Intake, port: UInt16) throws -> Server {
      let files = Certificates.files("ingest-a")
      let handlers = IngestHandlers(
        intake: intake, verifier: try SignatureVerifier(files: files), logger: .silent, clock: { Make.noon })
      return try Server(
        role: .ingest, address: SocketAddress(host: "127.0.0.1", port: port), certificates: files,
        router: handlers.router(), reactors: 1, logger: .silent)
    }

    func restart() async throws {
      await stop()
      let deadline = ContinuousClock.now + .seconds(60)
      while running == nil {
        do {
          let intake = try scratch.intake()
          running = (intake, try Self.serve(intake, port: port))
        } catch  where .now < deadline {
          // The last handlers and the former listener are not gone yet.
          await Task.yield()
        }
      }
    }

    func stop() async {
      await running?.server.shutdown(grace: .zero)
      running?.intake.close()
      running = nil
    }

    func state() async throws -> TenantState { try await #require(running?.intake).state() }
  }

  @Test("events count once though ingest is restarted again and again among them", arguments: [1, 4])
  func restarts(every batches: Int) async throws {
    let site = try Site()
    let client = try ServiceClient(
      to: [SocketAddress(host: "127.0.0.1", port: site.port)], expecting: .ingest, serverName: nil,
      certificates: Certificates.files("platform-cli"), logger: .silent)
    var report = WriteReport()
    var sent = 0
    try await EventRecorder(client, tenant: Make.uk).record {
      guard sent < 12 else { return nil }
      sent += 1
      if sent % batches == 0 { try await site.restart() }
      return ((0..<40).map { try! Make.event("e\(sent)-\($0)") }, 40)
    } answered: { answer, rows in
      try report.add(answer, rows: rows)
    }
    #expect(report.rows == 480 && report.rejections.isEmpty)
    let state = try await site.state()
    #expect(state.events == 480 && state.sequence == 480)
    await client.close()
    await site.stop()
  }
}
