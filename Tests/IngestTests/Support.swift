import Commerce
import Foundation
import Logging
import Messages
import Synchronization
import Testing
import Transport

@testable import Ingest

/// A folder of its own that goes with its owner.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("nightjar-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// The names of the segments of the log under `data`, which a running intake removes at any time.
  func segmentNames() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: file("data/log")).sorted()
  }

  /// The bytes of every segment of the log under `data`, by name.
  func segments() throws -> [String: [UInt8]] {
    var segments: [String: [UInt8]] = [:]
    for name in try segmentNames() {
      segments[name] = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file("data/log/\(name)"))))
    }
    return segments
  }

  func write(_ bytes: some Sequence<UInt8>, to name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
  }

  func intake(
    openDatabases: Int = 8, segmentBytes: Int = IngestLimits.segmentBytes, files: FileOperations = .system,
    logger: Logger = .silent
  ) throws -> Intake {
    try Intake(
      folder: file("data"), openDatabases: openDatabases, segmentBytes: segmentBytes, files: files, logger: logger)
  }
}

extension Logger {
  /// Keeps nothing.
  static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}

/// Steele, Lea, Flood 2014: the generator that makes failures repeatable.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// Makers of valid rows.
enum Make {
  static let uk = try! TenantID("uk")
  static let fr = try! TenantID("fr")
  static let noon = try! Timestamp(iso8601: "2011-09-30T12:00:00Z")

  static func event(_ id: String, customer: String = "c1", product: String = "p1", quantity: Int64 = 1) throws -> Event
  {
    var event = Event(
      id: try EventID(id), kind: .purchase, customer: try CustomerID(customer), occurredAt: noon)
    event.product = try ProductID(product)
    event.quantity = quantity
    event.revenue = Money(minorUnits: 250 * quantity, currency: try Currency("GBP"))
    return event
  }

  static func customer(_ id: String, country: String = "GB") throws -> Customer {
    var customer = Customer(id: try CustomerID(id))
    customer.country = country
    return customer
  }

  static func product(_ id: String, name: String = "") throws -> Product {
    var product = Product(id: try ProductID(id))
    product.name = name
    return product
  }

  static func offer(_ id: String, product: String, discountPPM: UInt32 = 0) throws -> Offer {
    var offer = Offer(id: try OfferID(id), product: try ProductID(product))
    offer.discountPPM = discountPPM
    return offer
  }
}

extension Intake {
  /// Writes rows and waits for their verdicts.
  func write(_ rows: Rows, tenant: TenantID = Make.uk, at time: Timestamp = Make.noon) async throws -> WriteOutcome {
    try await begin(rows, tenant: tenant, receivedAt: time).outcome
  }

  func state(_ tenant: TenantID = Make.uk) async throws -> TenantState {
    try await read(tenant) { try $0.state() } ?? TenantState()
  }

  /// Every chunk of a snapshot.
  func snapshot(
    _ range: SnapshotRange, of tenant: TenantID = Make.uk, from cursor: SnapshotCursor = .start
  ) async throws -> [Encoded<Proto.SnapshotChunk>] {
    try await read(tenant) { store in
      var reader = try store.read { try SnapshotReader(range, from: cursor, $0) }
      var chunks: [Encoded<Proto.SnapshotChunk>] = []
      while !reader.isAtEnd { chunks.append(try store.read { try reader.next($0) }) }
      return chunks
    } ?? [SnapshotReader.empty(range)]
  }
}

/// Keeps what is logged.
final class LogBook: Sendable {
  private let lines = Mutex<[String]>([])

  var logger: Logger { Logger(label: "test") { _ in Handler(book: self) } }

  func contains(_ text: String) -> Bool { lines.withLock { $0.contains { $0.contains(text) } } }

  private struct Handler: LogHandler {
    let book: LogBook
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let text = "\(event.level) \(event.message) \(event.metadata ?? [:])"
      book.lines.withLock { $0.append(text) }
    }
  }
}

/// File operations of which the n-th write, flush or truncation can be made to fail.
final class Faults: Sendable {
  enum Call: CaseIterable, Sendable { case write, partialWrite, synchronise, truncate, create }

  private let plan = Mutex<[Call: (at: Int, code: Int32)]>([:])
  private let counts = Mutex<[Call: Int]>([:])

  /// Makes the `count`-th call from now fail.
  func fail(_ call: Call, at count: Int, code: Int32 = ENOSPC) {
    counts.withLock { $0[call] = 0 }
    plan.withLock { $0[call] = (count, code) }
  }

  /// Makes every call succeed from now on.
  func heal() { plan.withLock { $0 = [:] } }

  private func fails(_ call: Call) -> Bool {
    let count = counts.withLock { counts in
      counts[call, default: 0] += 1
      return counts[call, default: 0]
    }
    guard let planned = plan.withLock({ $0[call] }), planned.at == count else { return false }
    errno = planned.code
    return true
  }

  var operations: FileOperations {
    FileOperations(
      write: { descriptor, bytes in
        if self.fails(.write) { return -1 }
        guard self.fails(.partialWrite) else { return FileOperations.system.write(descriptor, bytes) }
        _ = FileOperations.system.write(descriptor, .init(rebasing: bytes[..<(bytes.count / 2)]))
        errno = ENOSPC
        return -1
      },
      synchronise: { self.fails(.synchronise) ? -1 : FileOperations.system.synchronise($0) },
      truncate: { self.fails(.truncate) ? -1 : FileOperations.system.truncate($0, $1) },
      create: { self.fails(.create) ? -1 : FileOperations.system.create($0) })
  }
}

/// Certificates by the script that development uses, made once for the run.
enum Certificates {
  static let folder = make("own", ["ingest/a", "control/a", "ranker/a", "platform/cli", "admin/cli"])
  /// The same names by another authority.
  static let foreign = make("foreign", ["control/a"])

  static func files(_ identity: String, in folder: String = folder) -> CertificateFiles {
    CertificateFiles(
      chain: "\(folder)/\(identity).pem", key: "\(folder)/\(identity)-key.pem", authorities: "\(folder)/ca.pem")
  }

  private static func make(_ name: String, _ identities: [String]) -> String {
    let folder = NSTemporaryDirectory() + "nightjar-ingest-\(getpid())-\(name)"
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../deploy/dev-certificates.sh")
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments =
      [script.path, folder] + identities + ["trainer/node-1", "trainer/node-2", "tenant/uk", "tenant/fr"]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    do { try process.run() } catch { fatalError("\(script.path): \(error)") }
    process.waitUntilExit()
    precondition(process.terminationStatus == 0, "\(script.path) failed")
    return folder
  }
}
