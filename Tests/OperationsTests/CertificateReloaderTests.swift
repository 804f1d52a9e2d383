import Foundation
import Logging
import Synchronization
import Testing
import Transport

@testable import Operations

@Suite("certificates in a folder", .serialized)
struct CertificateReloaderTests {
  private let folder = CertificateFolder()
  private let metrics = Metrics()
  private let log = LogLines()

  private func reloader() throws -> CertificateReloader {
    let folder = folder.path
    return try CertificateReloader(
      alsoWatching: [CertificateFiles.revocations(in: folder)],
      logger: Logger(label: "test") { [log] _ in JSONLogHandler(service: "test", level: .info) { log.add($0) } },
      metrics: metrics, locate: { try CertificateFiles(folder: folder, role: .ranker, name: "a") })
  }

  /// The levels of what was logged.
  private var levels: [String] { log.parsed.compactMap { $0["level"] } }

  @Test("are read again once when they have changed, and settled")
  func changed() throws {
    let (reloader, seen) = (try reloader(), Seen())
    reloader.add("seen") { seen.add($0) }
    let old = try reloader.files.expiry()
    reloader.look()
    folder.renew(days: 90)
    reloader.look()
    #expect(seen.files.isEmpty, "they may still be changing")
    for _ in 0..<3 { reloader.look() }
    #expect(seen.files.count == 1)
    let new = try reloader.files.expiry()
    #expect(new > old + 50 * 86_400)
    let line = try #require(log.parsed.last)
    #expect(line["level"] == "notice")
    #expect(line["expires"] == WallClock.iso8601(new))
    #expect(line["expired_before"] == WallClock.iso8601(old))
    #expect(metrics.exposition().contains("\nnightjar_certificate_reloads_total{end=\"ok\"} 1\n"))
  }

  @Test("that are damaged leave the old ones in force, are logged once, and are taken when mended")
  func damaged() throws {
    let (reloader, seen) = (try reloader(), Seen())
    reloader.add("seen") { seen.add($0) }
    let good = try folder.read("ranker-a.pem")
    try folder.write("ranker-a.pem", good.prefix(good.count / 3))
    for _ in 0..<5 { reloader.look() }
    #expect(levels == ["error"])
    #expect(seen.files.isEmpty)
    try folder.remove("ranker-a.pem")
    for _ in 0..<5 { reloader.look() }
    #expect(levels == ["error", "error"])
    #expect(log.parsed.last?["error"]?.contains("ranker-a.pem cannot be read") == true)
    try folder.write("ranker-a.pem", good)
    for _ in 0..<5 { reloader.look() }
    #expect(levels == ["error", "error", "notice"])
    #expect(seen.files.count == 1)
    #expect(metrics.exposition().contains("\nnightjar_certificate_reloads_total{end=\"failed\"} 2\n"))
  }

  @Test("that one of their users refuses are said to be refused, and by whom")
  func refused() throws {
    let reloader = try reloader()
    reloader.add("server") { _ in throw TransportError.refused("no") }
    reloader.reload()
    #expect(levels == ["error"])
    reloader.reload()
    #expect(levels == ["error", "error"], "who asks is answered")
    #expect(log.parsed.last?["error"]?.hasPrefix("server: ") == true)
  }

  @Test("may get a list of revocations later, which then cannot be got rid of by removing it")
  func revocations() throws {
    let (reloader, seen) = (try reloader(), Seen())
    reloader.add("seen") { seen.add($0) }
    #expect(reloader.files.revocations == nil)
    try folder.write("crl.pem", Data("any".utf8))
    for _ in 0..<2 { reloader.look() }
    let path = CertificateFiles.revocations(in: folder.path)
    #expect(seen.files.map(\.revocations) == [path])
    try folder.remove("crl.pem")
    for _ in 0..<2 { reloader.look() }
    #expect(seen.files.count == 1)
    #expect(reloader.files.revocations == path)
    #expect(levels == ["notice", "error"])
  }

  @Test("are read again on SIGHUP, until the service stops")
  func hangup() async throws {
    signal(SIGHUP, SIG_IGN)
    let (reloader, seen) = (try reloader(), Seen())
    reloader.add("seen") { seen.add($0) }
    let watch = await CertificateWatch(reloader)
    // Before it runs: who sends it to a service that says it is ready must not have sent it in vain.
    kill(getpid(), SIGHUP)
    let running = Task { try await watch.run() }
    let deadline = ContinuousClock.now + .seconds(20)
    while seen.files.isEmpty, ContinuousClock.now < deadline { await Task.yield() }
    #expect(seen.files.count == 1)
    running.cancel()
    try await running.value
    signal(SIGHUP, SIG_IGN)
  }

  @Test("show how long the process's own is valid")
  func expiry() throws {
    let reloader = try reloader()
    let left = try #require(
      metrics.exposition().split(separator: "\n").first { $0.hasPrefix("nightjar_certificate_expiry_seconds ") }?
        .split(separator: " ").last.flatMap { Double($0) })
    #expect(abs(left - (Double(try reloader.files.expiry()) - WallClock.seconds())) < 60)
    #expect(left > 29 * 86_400 && left < 31 * 86_400)
  }

  @Test("are due while they differ from what was read and have settled")
  func changeWatch() {
    var watch = ChangeWatch(0)
    let due = [0, 0, 1, 2, 2, 2, 0, 0, 3, 3].map { watch.isDue($0) ? 1 : 0 }
    #expect(due == [0, 0, 0, 0, 1, 1, 0, 0, 0, 1])
    watch.note(3)
    let isDue = watch.isDue(3)
    #expect(!isDue)
  }
}

/// What a user of certificates was given.
private final class Seen: Sendable {
  private let state = Mutex<[CertificateFiles]>([])
  var files: [CertificateFiles] { state.withLock { $0 } }
  func add(_ files: CertificateFiles) { state.withLock { $0.append(files) } }
}

/// A folder with the certificate of `ranker/a`, made by the script that development uses; removed at the end.
private final class CertificateFolder: Sendable {
  let path = FileManager.default.temporaryDirectory.appending(path: "certificates-\(UUID())").path

  init() { renew(days: 30) }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Replaces the certificate and its key.
  func renew(days: Int) {
    try? FileManager.default.removeItem(atPath: path + "/ranker-a.pem")
    let maker = Process()
    maker.executableURL = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../deploy/dev-certificates.sh")
    maker.arguments = [path, "ranker/a"]
    maker.environment = ProcessInfo.processInfo.environment.merging(["NIGHTJAR_CERTIFICATE_DAYS": "\(days)"]) { $1 }
    #expect(throws: Never.self) { try maker.run() }
    maker.waitUntilExit()
    #expect(maker.terminationStatus == 0)
  }

  func read(_ file: String) throws -> Data { try Data(contentsOf: URL(filePath: "\(path)/\(file)")) }
  func write(_ file: String, _ data: Data) throws { try data.write(to: URL(filePath: "\(path)/\(file)")) }
  func remove(_ file: String) throws { try FileManager.default.removeItem(atPath: "\(path)/\(file)") }
}
