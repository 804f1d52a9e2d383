import Foundation
import Logging
import Messages
import NightjarClient
import RPC
import Testing
import Transport

@testable import Control

/// Certificates by the script that development uses, made once for the run.
enum Certificates {
  static let folder: String = {
    let folder = NSTemporaryDirectory() + "nightjar-control-\(getpid())"
    atexit { try? FileManager.default.removeItem(atPath: NSTemporaryDirectory() + "nightjar-control-\(getpid())") }
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../deploy/dev-certificates.sh")
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = [script.path, folder] + Role.allCases.map { "\($0.rawValue)/a" }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    do { try process.run() } catch { fatalError("\(script.path): \(error)") }
    process.waitUntilExit()
    precondition(process.terminationStatus == 0, "\(script.path) failed")
    return folder
  }()

  static func files(_ role: Role) -> CertificateFiles {
    CertificateFiles(
      chain: "\(folder)/\(role.rawValue)-a.pem", key: "\(folder)/\(role.rawValue)-a-key.pem",
      authorities: "\(folder)/ca.pem")
  }
}

/// Control behind its server, over real sockets; stopped by `stop()`.
final class RunningControl: Sendable {
  let desk: Desk
  private let server: Server
  private let channels: [Role: Channel]

  init(_ desk: Desk) throws {
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    self.desk = desk
    let server = try Server(
      role: .control, address: SocketAddress(parsing: "127.0.0.1:0"), certificates: Certificates.files(.control),
      router: desk.core.router(), reactors: 1, logger: logger)
    self.server = server
    channels = try Dictionary(
      uniqueKeysWithValues: Role.allCases.map { role in
        (
          role,
          try Channel(
            to: SocketAddress(parsing: "127.0.0.1:\(server.port)"), expecting: .control, serverName: nil,
            certificates: Certificates.files(role), logger: logger)
        )
      })
  }

  func channel(_ role: Role) throws -> Channel { try #require(channels[role]) }

  /// Watches the routes as a ranker.
  func watch(from resume: Control.Fence? = nil) async throws -> ClientCall<
    Proto.WatchRoutingRequest, Proto.RoutingUpdate
  > {
    let call = try await channel(.ranker).stream(ControlService.watchRouting)
    try await call.send { request in
      if let resume { request.message(\.resume) { resume.fill($0) } }
    }
    try await call.finish()
    return call
  }

  func stop() async {
    for channel in channels.values { await channel.close() }
    await server.shutdown(grace: .zero)
  }
}

/// Runs `body` with a control over real sockets, and stops it at the end.
func withControl(_ desk: Desk, _ body: (RunningControl) async throws -> Void) async throws {
  let control = try RunningControl(desk)
  do {
    try await body(control)
    await control.stop()
  } catch {
    await control.stop()
    throw error
  }
}
