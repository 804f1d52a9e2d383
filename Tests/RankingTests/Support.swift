import ArtifactStore
import Commerce
import Foundation
import Logging
import Messages
import RPC
import RankedLists
import Synchronization
import Testing
import Transport

@testable import Ranking

/// A folder of its own that goes with its owner.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("nightjar-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }
}

func write(_ bytes: [UInt8], to path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

func bytes(of path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// Waits for a condition; a test that waits in vain fails.
func eventually(
  _ what: Comment, within limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < end else {
      Issue.record(what, sourceLocation: sourceLocation)
      throw CancellationError()
    }
    try await Task.sleep(for: .milliseconds(5))
  }
}

/// Certificates by the script that development uses, made once for the run.
enum Certificates {
  static let folder: String = {
    let folder = NSTemporaryDirectory() + "nightjar-ranking-\(getpid())"
    atexit { try? FileManager.default.removeItem(atPath: NSTemporaryDirectory() + "nightjar-ranking-\(getpid())") }
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../deploy/dev-certificates.sh")
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments =
      [
        script.path, folder, "ranker/a:*.ranker.example", "control/a", "ingest/a", "platform/cli", "tenant/uk",
        "admin/cli",
      ]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    do { try process.run() } catch { fatalError("\(script.path): \(error)") }
    process.waitUntilExit()
    precondition(process.terminationStatus == 0, "\(script.path) failed")
    return folder
  }()

  static func files(_ identity: String) -> CertificateFiles {
    CertificateFiles(
      chain: "\(folder)/\(identity).pem", key: "\(folder)/\(identity)-key.pem", authorities: "\(folder)/ca.pem")
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

/// Bakes small artifacts of which a test can tell one from the other.
struct Bakery {
  let store: ArtifactDirectory
  let root: String

  init(_ scratch: Scratch) {
    root = scratch.file("store")
    store = ArtifactDirectory(root: root)
  }

  /// Customers `c0`, `c1`, … get the products `<bake>-0`, `<bake>-1`, …, best first; `nobody` gets nothing.
  func bake(
    _ bake: String, tenant: String = "uk", model: String = "m-1", customers: Int = 20, products: Int = 60,
    isDataFloor: Bool = false, hasFallback: Bool = true, probes: [String] = ["c0"]
  ) throws -> Route.Arm {
    let header = RankedListsHeader(tenant: tenant, model: model, bake: bake, asOf: 1_000)
    let digest = try store.publish(
      tenant: TenantID(tenant),
      manifest: { files in
        Encoded { draft in
          draft.format = 1
          draft.tenant = tenant
          draft.model = model
          draft.bake = bake
          draft.as_of_us = 1_000
          draft.data_floor = isDataFloor
          draft.strings(\.n_probes, \.probes, probes)
          files.fill(draft)
        }
      },
      write: { listsPath, modelPath in
        var writer = try RankedListsWriter(path: listsPath, header: header)
        let entries = try (0..<products).map { product in
          RankedEntry(
            candidate: try writer.addCandidate(product: "\(bake)-\(product)", offer: product == 1 ? "half-price" : nil),
            score: Float(products - product))
        }
        for customer in 0..<customers { try writer.add(customer: "c\(customer)", entries: entries) }
        try writer.add(customer: "nobody", nothing: .notPermitted)
        if hasFallback { try writer.setFallback(.overall, entries: Array(entries.dropFirst(5))) }
        try writer.finish()
        try write(Array("model".utf8), to: modelPath)
      })
    return Route.Arm(id: "a", model: model, bake: bake, digest: digest, weight: 1_000_000)
  }

  func path(_ arm: Route.Arm, tenant: String = "uk", file: ArtifactFile = .lists) throws -> String {
    store.path(tenant: try TenantID(tenant), digest: try #require(arm.digest), file: file)
  }
}

/// A route as control would send it.
func route(
  _ tenant: String = "uk", mode: Proto.Mode = .on, arms: [Route.Arm], salt: String = "", overlay: String = "",
  businessOffset: Int64 = 0
) -> Encoded<Proto.Route> {
  Encoded { draft in
    draft.overlay_digest = overlay
    draft.business_offset_us = businessOffset
    draft.tenant = tenant
    draft.mode = mode
    draft.salt = salt
    draft.list(\.n_arms, \.arms, of: arms) { draft, arm in
      draft.id = arm.id
      draft.model = arm.model
      draft.bake = arm.bake
      draft.manifest_digest = arm.digest?.description ?? ""
      draft.weight_ppm = arm.weight
    }
  }
}
