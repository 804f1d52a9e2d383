import Foundation
import Logging
import Messages
import Synchronization
import Testing
import Transport

@testable import RPC

/// Certificates of a CA that the test process makes once.
enum Certificates {
  private static let folder: String = {
    let folder = FileManager.default.temporaryDirectory.appending(path: "nightjar-rpc-tests-\(getpid())").path
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../deploy/dev-certificates.sh")
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = [
      script.path, folder, "ranker/a:*.ranker.example", "ingest/a", "control/a", "platform/a", "trainer/a", "admin/a",
      "tenant/acme",
    ]
    try! process.run()
    process.waitUntilExit()
    precondition(process.terminationStatus == 0, "dev-certificates.sh failed")
    atexit { try? FileManager.default.removeItem(atPath: Certificates.folder) }
    return folder
  }()

  static func of(_ role: Role) -> CertificateFiles {
    let name = "\(folder)/\(role.rawValue)-\(role == .tenant ? "acme" : "a")"
    return CertificateFiles(chain: "\(name).pem", key: "\(name)-key.pem", authorities: "\(folder)/ca.pem")
  }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A message of bytes, as request and as response.
typealias Blob = Proto.SignedGrant

/// Methods that only tests have.
enum TestService {
  static func method(
    _ name: String, _ kind: MethodKind, request: Int = 32 << 20, response: Int = 32 << 20,
    rate: Int? = nil, timeout: Duration = .seconds(60), server: Role = .ranker, idempotency: Idempotency = .none
  ) -> RPC.Method<Blob, Blob> {
    RPC.Method(
      "test.Service/\(name)", kind, callers: [.platform, .ranker, .tenant], server: server,
      maximumRequestBytes: request,
      maximumResponseBytes: response, maximumMessagesPerSecond: rate, timeout: timeout, idempotency: idempotency)
  }

  static let onReactor = method("OnReactor", .unary, request: 50_000, response: 1 << 20)
  static let unary = method("Unary", .unary)
  static let idempotent = method("Idempotent", .unary, idempotency: .idempotent)
  static let keyed = method("Keyed", .unary, idempotency: .keyed)
  static let serverStream = method("ServerStream", .serverStream)
  static let clientStream = method("ClientStream", .clientStream)
  static let bidirectional = method("Bidirectional", .bidirectional)
  static let adminOnly = RPC.Method<Blob, Blob>(
    "test.Service/AdminOnly", .unary, callers: [.admin], server: .ranker, maximumRequestBytes: 9,
    maximumResponseBytes: 9, timeout: .seconds(60))
}

func blob(_ bytes: [UInt8]) -> Encoded<Blob> { Encoded { $0.grant = bytes } }

func blob(_ text: String) -> Encoded<Blob> { blob(Array(text.utf8)) }

extension View<Blob> {
  var text: String { String(decoding: self.grant, as: UTF8.self) }
}

/// A CALL frame of a method.
func call(_ method: RPC.Method<Blob, Blob>, _ flags: FrameFlags, stream: UInt32, _ body: [UInt8]) -> [UInt8] {
  frame(.call, flags, stream: stream, method: method.id, body: body)
}

/// A router with the handlers that `build` adds.
func routes(_ build: (inout Router) -> Void) -> Router {
  var router = Router()
  build(&router)
  return router
}

/// A server on a free port of the loopback.
func serve(
  _ router: Router, role: Role = .ranker, port: UInt16 = 0, reactors: Int = 1,
  limits: ServerLimits = .standard, interceptors: [any ServerInterceptor] = [], tenantDomain: String = "",
  logger: Logger = quiet
) throws -> Server {
  try Server(
    role: role, address: SocketAddress(host: "127.0.0.1", port: port), certificates: Certificates.of(role),
    router: router, reactors: reactors, limits: limits, interceptors: interceptors, tenantDomain: tenantDomain,
    logger: logger)
}

func channel(
  to port: UInt16, as role: Role = .platform, expecting: Role = .ranker, serverName: String? = "localhost"
) throws -> Channel {
  try Channel(
    to: SocketAddress(host: "127.0.0.1", port: port), expecting: expecting, serverName: serverName,
    certificates: Certificates.of(role), logger: quiet)
}

extension Channel {
  /// What a method answers to these bytes.
  func bytes(_ method: RPC.Method<Blob, Blob>, _ bytes: [UInt8]) async throws -> [UInt8] {
    try await call(method) { $0.grant = bytes }.grant
  }

  /// What a method answers to this text.
  func text(_ method: RPC.Method<Blob, Blob>, _ text: String) async throws -> String {
    try await call(method, blob(text)).text
  }
}

/// Runs `body` with a server and a channel to it, and ends both.
func withService(
  _ router: Router, reactors: Int = 1, limits: ServerLimits = .standard, interceptors: [any ServerInterceptor] = [],
  logger: Logger = quiet, _ body: (Channel, Server) async throws -> Void
) async throws {
  let server = try serve(router, reactors: reactors, limits: limits, interceptors: interceptors, logger: logger)
  let client = try channel(to: server.port)
  do {
    try await body(client, server)
  } catch {
    await client.close()
    await server.shutdown(grace: .zero)
    throw error
  }
  await client.close()
  await server.shutdown(grace: .seconds(5))
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

/// Waits until something holds, at most two minutes.
func until(_ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ holds: () async -> Bool) async {
  let deadline = ContinuousClock.now + .seconds(120)
  while !(await holds()) {
    guard ContinuousClock.now < deadline else {
      Issue.record(what, sourceLocation: sourceLocation)
      return
    }
    await Task.yield()
    try? await Task.sleep(for: .milliseconds(1))
  }
}

/// A counter that tasks share.
final class Counter: Sendable {
  private let count = Atomic(0)
  var value: Int { count.load(ordering: .relaxed) }
  func add(_ amount: Int = 1) { count.add(amount, ordering: .relaxed) }
}

/// A place where tasks wait until somebody opens it. A cancelled task goes on at once.
final class Gate: Sendable {
  private let isOpen = Atomic(false)

  var isOpenNow: Bool { isOpen.load(ordering: .relaxed) }

  func open() { isOpen.store(true, ordering: .relaxed) }

  func wait() async throws {
    while !isOpen.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(1)) }
  }
}

/// Waits until the task is cancelled.
func waitForCancellation() async throws {
  while true { try await Task.sleep(for: .seconds(3600)) }
}

/// A peer that sends whatever bytes a test wants, over TLS.
final class RawPeer: ConnectionDelegate, @unchecked Sendable {
  // Sendable because its state is behind the lock, and its connection is used on the reactor only.
  private struct State {
    var received: [UInt8] = []
    var isClosed = false
  }
  private let state = Mutex(State())
  private let connection: Connection
  private let answer: [UInt8]?
  private let closesAfterAnswer: Bool
  private let onReceiving: @Sendable (Int) -> Void

  init(
    _ connection: Connection, answer: [UInt8]? = nil, closesAfterAnswer: Bool = false,
    onReceiving: @escaping @Sendable (Int) -> Void = { _ in }
  ) {
    self.connection = connection
    self.answer = answer
    self.onReceiving = onReceiving
    self.closesAfterAnswer = closesAfterAnswer
  }

  /// Connects to a server as a client; `onReceiving` is called on the reactor with the bytes received so far.
  static func client(
    to port: UInt16, on reactor: Reactor? = nil, onReceiving: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws -> RawPeer {
    let reactor = try reactor ?? SharedReactor.get()
    let context = try TLSContext(client: Certificates.of(.platform))
    return try await withCheckedThrowingContinuation { done in
      connect(
        to: SocketAddress(host: "127.0.0.1", port: port), serverName: nil, context: context, on: reactor,
        timeout: .seconds(10),
        accept: {
          let peer = RawPeer($0, onReceiving: onReceiving)
          done.resume(returning: peer)
          return peer
        }, failed: { done.resume(throwing: $0) })
    }
  }

  var received: [UInt8] { state.withLock { $0.received } }
  var isClosed: Bool { state.withLock { $0.isClosed } }

  /// The frames that have come whole.
  var frames: [(header: FrameHeader, body: [UInt8])] {
    received.withUnsafeBytes { raw in
      var reader = FrameReader(raw)
      var frames: [(FrameHeader, [UInt8])] = []
      while let (header, payload) = try? reader.next() { frames.append((header, [UInt8](payload))) }
      return frames
    }
  }

  /// Why the server ended the connection, if it said so.
  var goAwayReason: String? {
    frames.last { $0.header.type == .goAway }?.body.withUnsafeBytes {
      (try? Arena(limit: 1 << 16).decode(Proto.GoAway.self, from: $0))?.reason
    }
  }

  /// The status of the first END on a stream.
  func status(_ stream: UInt32) -> RPCError? {
    frames.first { $0.header.type == .end && $0.header.stream == stream }?.body.withUnsafeBytes(StatusCoding.decode)
  }

  func send(_ bytes: [UInt8]) {
    connection.reactor.execute { self.connection.write { output in bytes.withUnsafeBytes { output.append($0) } } }
  }

  func close() { connection.reactor.execute { self.connection.close() } }

  func received(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> Int {
    onReceiving(
      state.withLock {
        $0.received += bytes
        return $0.received.count
      })
    if let answer { connection.write { output in answer.withUnsafeBytes { output.append($0) } } }
    if closesAfterAnswer { connection.closeAfterFlush() }
    return bytes.count
  }

  func drained(_: Connection) {}

  func closed(_: Connection, error: TransportError?) { state.withLock { $0.isClosed = true } }
}

/// A port that accepts TCP and then says nothing.
final class SilentServer {
  let port: UInt16
  private let descriptor: Int32

  init() throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let code = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) + listen(descriptor, 5) + getsockname(descriptor, $0, &length)
      }
    }
    try #require(code == 0)
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit { close(descriptor) }
}
