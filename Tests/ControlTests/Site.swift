import Foundation
import Logging
import Messages
import NightjarClient
import Operations
import RPC
import Testing
import Transport

@testable import Control

/// Certificates by the script that development uses, made once for the run.
enum Certificates {
  static let names = ["platform/cli", "tenant/uk", "ingest/a", "ranker/a", "control/a", "admin/cli"]
  private static let trainers = ["trainer/node-1", "trainer/node-2"]
  static let folder: String = {
    let folder = NSTemporaryDirectory() + "nightjar-control-\(getpid())"
    atexit { try? FileManager.default.removeItem(atPath: NSTemporaryDirectory() + "nightjar-control-\(getpid())") }
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../deploy/dev-certificates.sh")
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = [script.path, folder] + names + trainers
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    do { try process.run() } catch { fatalError("\(script.path): \(error)") }
    process.waitUntilExit()
    precondition(process.terminationStatus == 0, "\(script.path) failed")
    return folder
  }()

  static func files(_ identity: String) -> CertificateFiles {
    let path = "\(folder)/\(identity.replacing("/", with: "-"))"
    return CertificateFiles(chain: "\(path).pem", key: "\(path)-key.pem", authorities: "\(folder)/ca.pem")
  }
}

/// Control behind its port, and whoever calls it.
final class Site {
  static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  let scratch: Scratch
  let core: ControlCore
  let server: Server
  private var channels: [Channel] = []

  init(_ scratch: Scratch) throws {
    self.scratch = scratch
    let signer = try Signer(files: Certificates.files("control/a"))
    core = ControlCore(
      database: try ControlDatabase(folder: scratch.path, clock: .system), clock: .system, leaseTime: .seconds(30),
      logger: Self.logger, metrics: Metrics(), sign: { try signer.sign($0) },
      describe: { _ in
        TenantFigures(
          sequence: 42, rows: TenantRows(customers: 0, products: 0, events: 0), content: nil, lastEvent: .epoch)
      })
    server = try Server(
      role: .control, address: SocketAddress(parsing: "127.0.0.1:0"), certificates: Certificates.files("control/a"),
      router: core.router(), reactors: 1, logger: Self.logger)
  }

  /// A connection with the certificate of an identity such as `trainer/node-1`.
  func channel(_ identity: String) throws -> Channel {
    let channel = try Channel(
      to: SocketAddress(parsing: "127.0.0.1:\(server.port)"), expecting: .control, serverName: nil,
      certificates: Certificates.files(identity), logger: Self.logger)
    channels.append(channel)
    return channel
  }

  func watch(_ ranker: Channel, resume: Fence? = nil) async throws -> Watch {
    let call = try await ranker.stream(ControlService.watchRouting)
    try await call.send { request in
      if let resume { request.message(\.resume) { resume.fill($0) } }
    }
    try await call.finish()
    return Watch(call)
  }

  func create(_ tenant: String) async throws {
    _ = try await channel("admin/cli").call(ControlService.createTenant) { $0.id = tenant }
  }

  func setMode(_ tenant: String, _ mode: Proto.Mode) async throws {
    _ = try await channel("admin/cli").call(ControlService.setMode) { request in
      request.tenant = tenant
      request.mode = mode
    }
  }

  /// Stops as the executable does.
  func stop(grace: Duration) async {
    core.stopWaiting()
    await server.shutdown(grace: grace)
  }

  /// Runs a test on a control that is stopped whatever happens; its files are `scratch`.
  static func run(_ scratch: Scratch? = nil, _ body: (Site) async throws -> Void) async throws {
    let site = try Site(scratch ?? Scratch())
    let result: Result<Void, any Error>
    do { result = .success(try await body(site)) } catch { result = .failure(error) }
    for channel in site.channels { await channel.close() }
    await site.stop(grace: .seconds(1))
    try result.get()
  }
}

/// A ranker's ear at the routing stream.
struct Watch {
  /// A message of the stream, in words.
  enum Told: Equatable {
    case route(String, Proto.Mode, bake: String)
    case end(isWhole: Bool)
    case other
  }

  private let call: ClientCall<Proto.WatchRoutingRequest, Proto.RoutingUpdate>
  private var updates: IncomingMessages<Proto.RoutingUpdate>.AsyncIterator
  /// Where to resume.
  private(set) var revision = Fence(epoch: 0, number: 0)

  init(_ call: ClientCall<Proto.WatchRoutingRequest, Proto.RoutingUpdate>) {
    self.call = call
    updates = call.responses.makeAsyncIterator()
  }

  mutating func next() async throws -> Told {
    let update = try #require(try await updates.next())
    revision = Fence(epoch: update.revision?.epoch ?? 0, number: update.revision?.number ?? 0)
    switch update.change_case {
    case .route:
      let route = try #require(update.route)
      return .route(route.tenant, route.mode, bake: route.list(\.n_arms, \.arms).first?.bake ?? "")
    case .tableEnd: return .end(isWhole: update.table_end?.whole ?? false)
    default: return .other
    }
  }

  /// Everything up to the end mark.
  mutating func table() async throws -> [Told] {
    var table: [Told] = []
    repeat { table.append(try await next()) } while !Self.isEnd(table[table.count - 1])
    return table
  }

  private static func isEnd(_ told: Told) -> Bool {
    if case .end = told { true } else { false }
  }

  func cancel() { call.cancel() }
}
