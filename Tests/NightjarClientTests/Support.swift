import Foundation
import Logging
import RPC
import Testing
import Transport

/// Certificates of a CA that the test process makes once.
enum Certificates {
  private static let folder: String = {
    let folder = FileManager.default.temporaryDirectory.appending(path: "nightjar-client-tests-\(getpid())").path
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../deploy/dev-certificates.sh")
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = [script.path, folder, "ranker/a", "ingest/a", "tenant/uk"]
    try! process.run()
    process.waitUntilExit()
    precondition(process.terminationStatus == 0, "dev-certificates.sh failed")
    atexit { try? FileManager.default.removeItem(atPath: Certificates.folder) }
    return folder
  }()

  static func of(_ name: String) -> CertificateFiles {
    CertificateFiles(chain: "\(folder)/\(name).pem", key: "\(folder)/\(name)-key.pem", authorities: "\(folder)/ca.pem")
  }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A server on a free port of the loopback.
func serve(_ role: Role, _ build: (inout Router) -> Void) throws -> Server {
  var router = Router()
  build(&router)
  return try Server(
    role: role, address: SocketAddress(host: "127.0.0.1", port: 0), certificates: Certificates.of("\(role.rawValue)-a"),
    router: router, reactors: 1, logger: quiet)
}

/// The error that a call ends with.
func failure(_ body: () async throws -> Void, sourceLocation: SourceLocation = #_sourceLocation) async -> RPCError? {
  do {
    try await body()
    Issue.record("no error", sourceLocation: sourceLocation)
  } catch let error as RPCError {
    return error
  } catch {
    Issue.record("\(error) is no RPCError", sourceLocation: sourceLocation)
  }
  return nil
}

/// Numbers that a seed repeats: SplitMix64 (Steele, Lea, Flood 2014).
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
