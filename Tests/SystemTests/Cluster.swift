import Commerce
import Console
import Foundation
import FoundationNetworking
import Glibc
import Logging
import Messages
import NightjarClient
import Operations
import RPC
import Testing
import Transport

/// The services as real processes under one temporary folder, each to be stopped, killed and started again on its port.
final class Cluster {
  static let leaseSeconds = 2
  private static let patience: Duration = .seconds(60)

  let folder: String
  private var children: [String: ChildProcess] = [:]
  private var addresses: [String: String] = [:]
  private var adminAddresses: [String: String] = [:]
  private var channels: [Channel] = []

  /// Makes certificates for the usual identities and `more`.
  init(_ more: [String] = []) async throws {
    folder = NSTemporaryDirectory() + "nightjar-system-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let usual = ["ingest/a", "control/a", "ranker/a:*.ranker.example", "trainer/node-1", "trainer/node-2"]
    let maker = try ChildProcess(
      name: "certificates", executable: Self.source("deploy/dev-certificates.sh"),
      arguments: ["\(folder)/certificates"] + usual + ["platform/cli", "admin/cli"] + more,
      log: "\(folder)/certificates.log")
    #expect(await maker.ended() == .exited(0))
  }

  /// A path in the source tree.
  static func source(_ path: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../\(path)").standardizedFileURL.path
  }

  /// Folder of the executables that were built with the tests.
  static var executables: String {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: tests).deletingLastPathComponent().path
  }

  /// Starts ingest, control and a ranker.
  func startServices() async throws {
    try await start("ingest")
    try await start("control")
    try await start("ranker")
  }

  /// Starts a service, at the address it had before if it ran already. One that is not named `a` has its address under
  /// `<service>-<name>`, and a ranker its own cache.
  func start(_ service: String, named name: String = "a", _ more: [String] = []) async throws {
    let place = name == "a" ? service : "\(service)-\(name)"
    let listen = ["--listen", addresses[place] ?? "127.0.0.1:0"]
    let arguments =
      switch service {
      case "ingest": listen + ["--data", "\(folder)/ingest"]
      case "control":
        listen + [
          "--data", "\(folder)/control", "--ingest", address("ingest"), "--lease-seconds", "\(Self.leaseSeconds)",
        ]
      default:
        listen + ["--control", address("control"), "--store", "\(folder)/store", "--domain", "ranker.example"]
          + ["--cache", name == "a" ? "\(folder)/cache" : "\(folder)/cache-\(name)", "--ingest", address("ingest")]
      }
    let ready = try await launch(service, name, arguments + ["--admin-listen", "0"] + more)
    addresses[place] = ready["address"]
    adminAddresses[place] = ready["admin"]
  }

  /// Starts the trainer of a name, with further options, which kills itself at `fault`, a point that `Training.Stages`
  /// names; nil = it does not.
  func startTrainer(_ name: String, _ more: [String] = [], fault: String? = nil) async throws {
    let arguments =
      [
        "--control", address("control"), "--ingest", address("ingest"), "--store", "\(folder)/store",
      ] + more
    _ = try await launch("trainer", name, arguments, environment: fault.map { ["NIGHTJAR_TEST_FAULT=\($0)"] } ?? [])
  }

  private func launch(
    _ service: String, _ name: String, _ arguments: [String], environment: [String] = []
  ) async throws -> [String: String] {
    let executable = "\(Self.executables)/nightjar-\(service)"
    let child = try ChildProcess(
      name: "\(service)-\(name)", executable: environment.isEmpty ? executable : "/usr/bin/env",
      arguments: environment + (environment.isEmpty ? [] : [executable]) + [
        "--certificates", "\(folder)/certificates", "--name", name, "--stop-at-end-of-input",
      ] + arguments,
      log: "\(folder)/\(service)-\(name).log")
    children["\(service)-\(name)"] = child
    return try await child.ready(within: Self.patience)
  }

  func address(_ service: String) -> String { addresses[service] ?? "127.0.0.1:1" }

  /// What a service says at `/health`, line by line.
  func health(of service: String) async throws -> [String] {
    try await admin(service, "health").split(separator: "\n").map(String.init)
  }

  private func admin(_ service: String, _ path: String) async throws -> String {
    let url = try #require(URL(string: "http://\(adminAddresses[service] ?? "")/\(path)"))
    let (data, response) = try await URLSession.shared.data(from: url)
    #expect((response as? HTTPURLResponse)?.statusCode == 200)
    return String(decoding: data, as: UTF8.self)
  }

  /// What a service shows at `/metrics`: values by name and labels.
  func metrics(of service: String) async throws -> [String: Double] {
    let lines = try await admin(service, "metrics").split(separator: "\n").filter { !$0.hasPrefix("#") }
    return Dictionary(
      uniqueKeysWithValues: try lines.map { line in
        let space = try #require(line.lastIndex(of: " "))
        return (String(line[..<space]), try #require(Double(line[line.index(after: space)...])))
      })
  }

  /// Sends a signal to a process such as `ingest-a`; after SIGKILL it returns when the process is gone.
  func signal(_ process: String, _ signal: Int32) async {
    guard let child = children[process] else { return }
    child.send(signal: signal)
    if signal == SIGKILL { _ = await child.ended() }
  }

  /// Id of a process such as `ranker-a`.
  func pid(of process: String) -> pid_t? { children[process]?.pid }

  /// Where an identity's certificate, its key and the authorities lie.
  func certificates(_ identity: String) -> CertificateFiles {
    let certificates = "\(folder)/certificates"
    return CertificateFiles(
      chain: "\(certificates)/\(identity).pem", key: "\(certificates)/\(identity)-key.pem",
      authorities: "\(certificates)/ca.pem")
  }

  /// Waits for the end of a process such as `trainer-node-1`; nil if there never was one.
  func end(of process: String) async -> ChildProcess.End? { await children[process]?.ended() }

  /// What a process has logged so far.
  func log(of process: String) -> String {
    (try? String(contentsOfFile: "\(folder)/\(process).log", encoding: .utf8)) ?? ""
  }

  /// A channel to a service as an identity such as `platform-cli`.
  func channel(_ service: Role, as identity: String, serverName: String? = nil) throws -> Channel {
    let channel = try Channel(
      to: SocketAddress(parsing: address(service.rawValue)), expecting: service, serverName: serverName,
      certificates: certificates(identity), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    channels.append(channel)
    return channel
  }

  /// Stops everything and removes the folder; keeps it where a test failed, for its logs.
  func stop() async {
    for channel in channels { await channel.close() }
    for child in children.values {
      child.send(signal: SIGCONT)
      await child.stop(grace: .seconds(10))
    }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Runs a test on a cluster that is stopped whatever happens.
  static func run(_ more: [String] = [], _ body: (Cluster) async throws -> Void) async throws {
    let cluster = try await Cluster(more)
    do { try await body(cluster) } catch {
      for name in cluster.children.keys.sorted() {
        print("--- \(name)\n\(cluster.log(of: name).suffix(4_000))")
      }
      await cluster.stop()
      throw error
    }
    await cluster.stop()
  }
}

/// Waits until `condition` holds, at most a minute; says what it waited for when it does not.
func eventually(
  _ what: String, within limit: Duration = .seconds(60), _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else { throw Missed(what: what) }
    try await Task.sleep(for: .milliseconds(20))
  }
}

struct Missed: Error { let what: String }
