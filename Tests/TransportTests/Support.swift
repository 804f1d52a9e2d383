import Foundation
import Glibc
import Synchronization
import Testing

@testable import Transport

/// Certificates by the script that development uses, made once for the run.
enum Certificates {
  static let folder: String = {
    let folder = NSTemporaryDirectory() + "nightjar-transport-\(getpid())"
    atexit { try? FileManager.default.removeItem(atPath: NSTemporaryDirectory() + "nightjar-transport-\(getpid())") }
    make(in: folder, ["ranker/a:*.ranker.example", "control/a", "ingest/a", "platform/cli", "trainer/node-1"])
    return folder
  }()

  /// Another authority with certificates of the same names.
  static let foreign: String = {
    let foreign = folder + "/foreign"
    make(in: foreign, ["ranker/a", "control/a", "platform/cli"])
    return foreign
  }()

  static func files(_ identity: String, in folder: String = folder, authorities: String = folder) -> CertificateFiles {
    CertificateFiles(
      chain: "\(folder)/\(identity).pem", key: "\(folder)/\(identity)-key.pem", authorities: "\(authorities)/ca.pem")
  }

  @discardableResult
  static func make(in folder: String, _ identities: [String], or: String = "false") -> String {
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../deploy/dev-certificates.sh")
    return shell("'\(script.path)' '\(folder)' \(identities.map { "'\($0)'" }.joined(separator: " ")) || \(or)")
  }

  @discardableResult
  static func shell(_ command: String) -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["-c", command]
    process.standardOutput = output
    process.standardError = output
    guard (try? process.run()) != nil else { return "" }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    precondition(process.terminationStatus == 0, "\(command): \(text)")
    return text
  }

  /// A certificate by our authority with whatever extensions a test wants; signed for `days` (0 = expired at once).
  static func special(_ name: String, extensions: String, days: Int = 1) -> CertificateFiles {
    shell(
      """
      cd '\(folder)' && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out \(name)-key.pem 2>/dev/null &&
      openssl req -new -key \(name)-key.pem -subj /CN=\(name) -out \(name).csr &&
      printf '%s\\n' '\(extensions)' > \(name).ext &&
      openssl x509 -req -in \(name).csr -CA ca.pem -CAkey ca-key.pem -days \(days) -extfile \(name).ext \
        -set_serial "0x$(openssl rand -hex 8)" -out \(name).pem 2>/dev/null
      """)
    return files(name)
  }

  /// A list by our authority, valid for a day, that revokes the certificates of these names; returns its path.
  static func revocations(of names: [String]) -> String {
    let list = "\(folder)/crl-\(names.joined(separator: "-")).pem"
    let ca = "openssl ca -config ca.conf -keyfile '\(folder)/ca-key.pem' -cert '\(folder)/ca.pem'"
    shell(
      """
      cd "$(mktemp -d)" && touch index.txt &&
      printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index.txt\\ndefault_md=sha256\\ndefault_crl_days=1\\n' > ca.conf &&
      for name in \(names.joined(separator: " ")); do \(ca) -revoke "\(folder)/$name.pem" 2>/dev/null || exit; done &&
      \(ca) -gencrl -out '\(list)' 2>/dev/null
      """)
    return list
  }
}

/// Something that threads set and a test waits for.
final class Box<Value: Sendable>: Sendable {
  private let state: Mutex<Value>

  init(_ value: Value) { state = Mutex(value) }

  var value: Value { state.withLock { $0 } }

  func change(_ body: (inout sending Value) -> Void) { state.withLock { body(&$0) } }
}

/// Waits until the condition holds, at most twenty seconds.
func eventually(_ what: Comment, _ condition: () -> Bool) async {
  let deadline = ContinuousClock.now + .seconds(20)
  while !condition() {
    guard ContinuousClock.now < deadline else {
      Issue.record(what)
      return
    }
    try? await Task.sleep(for: .milliseconds(2))
  }
}

/// Sends back what it receives.
final class Echo: ConnectionDelegate {
  private let onClose: @Sendable (TransportError?) -> Void

  init(onClose: @escaping @Sendable (TransportError?) -> Void = { _ in }) { self.onClose = onClose }

  func received(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> Int {
    connection.write { $0.append(bytes) }
    return bytes.count
  }

  func drained(_ connection: Connection) {}

  func closed(_ connection: Connection, error: TransportError?) { onClose(error) }
}

/// Sends a fixed amount as fast as the watermarks allow, from the first byte that it receives on.
final class Source: ConnectionDelegate {
  private var left: Int
  private let highest: Box<Int>
  private let chunk = [UInt8](repeating: 7, count: 64 << 10)

  init(bytes: Int, highest: Box<Int>) {
    left = bytes
    self.highest = highest
  }

  func received(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> Int {
    drained(connection)
    return bytes.count
  }

  func drained(_ connection: Connection) {
    while left > 0, connection.bufferedBytes <= Connection.highWatermark {
      let count = min(left, chunk.count)
      left -= count
      connection.write { out in chunk.withUnsafeBytes { out.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) } }
      let buffered = connection.bufferedBytes
      highest.change { $0 = max($0, buffered) }
    }
  }

  func closed(_ connection: Connection, error: TransportError?) {}
}

/// Collects what it receives; sends what it is told to.
final class Collector: ConnectionDelegate, @unchecked Sendable {
  // Sendable, because the connection is touched on its reactor alone and the rest are boxes.
  let bytes = Box<[UInt8]>([])
  let end = Box<TransportError??>(nil)
  let peer = Box<PeerIdentity?>(nil)
  private var connection: Connection?
  private let reactor: Reactor

  init(on reactor: Reactor) { self.reactor = reactor }

  func accept(_ connection: Connection) -> any ConnectionDelegate {
    self.connection = connection
    peer.change { $0 = connection.peer }
    return self
  }

  func onConnection(_ body: @escaping @Sendable (Connection) -> Void) {
    reactor.execute { [self] in if let connection { body(connection) } }
  }

  func send(_ data: [UInt8]) {
    onConnection { connection in connection.write { out in data.withUnsafeBytes { out.append($0) } } }
  }

  func received(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> Int {
    self.bytes.change { $0.append(contentsOf: bytes) }
    return bytes.count
  }

  func drained(_ connection: Connection) {}

  func closed(_ connection: Connection, error: TransportError?) {
    self.connection = nil
    end.change { $0 = .some(error) }
  }
}

/// The standard limits but for these.
func listenerLimits(connections: Int, handshakes: Int, handshakeTimeout: Duration) -> ListenerLimits {
  var limits = ListenerLimits.standard
  limits.connections = connections
  limits.handshakes = handshakes
  limits.handshakeTimeout = handshakeTimeout
  return limits
}
