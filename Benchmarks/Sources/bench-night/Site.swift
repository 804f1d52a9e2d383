import Commerce
import Foundation
import FoundationNetworking
import Load
import Logging
import Messages
import NightjarClient
import RPC
import Transport

/// The services of one machine, their data in a folder that goes with them.
final class Site {
  private let folder: String
  private let executables: String
  private let trainers: Int
  private var processes: [String: ServerProcess] = [:]
  private var adminPorts: [UInt16] = []
  private let ports: [String: UInt16]
  private let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }

  /// Starts ingest, control and a ranker.
  init(executables: String, repository: String, trainers: Int) throws {
    folder = NSTemporaryDirectory() + "nightjar-night-\(getpid())"
    (self.executables, self.trainers) = (executables, trainers)
    ports = ["ingest": freePort(), "control": freePort(), "ranker": freePort()]
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let maker = Process()
    maker.executableURL = URL(fileURLWithPath: "/bin/bash")
    maker.arguments =
      ["\(repository)/deploy/dev-certificates.sh", "\(folder)/certificates", "ranker/a", "control/a", "ingest/a"]
      + ["platform/cli", "admin/cli"] + (0..<trainers).map { "trainer/node-\($0)" }
    try maker.run()
    maker.waitUntilExit()
    guard maker.terminationStatus == 0 else { fail("dev-certificates.sh failed") }
    try start("ingest", "a", ["--data", "\(folder)/ingest", "--open-databases", "1024"], listens: true)
    try start("control", "a", ["--data", "\(folder)/control", "--ingest", address("ingest")], listens: true)
    try start(
      "ranker", "a",
      ["--control", address("control"), "--store", "\(folder)/store", "--cache", "\(folder)/cache"], listens: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// Starts the trainers.
  func startTrainers() throws {
    for number in 0..<trainers {
      let admin = freePort()
      adminPorts.append(admin)
      try start(
        "trainer", "node-\(number)",
        ["--control", address("control"), "--ingest", address("ingest"), "--store", "\(folder)/store"]
          + ["--admin-listen", "127.0.0.1:\(admin)"], listens: false)
      processes["trainer-node-\(number)"]?.awaitPort(admin)
    }
  }

  /// Ends everything.
  func stop() {
    for process in processes.values { process.stop() }
    processes = [:]
  }

  private func start(_ service: String, _ name: String, _ arguments: [String], listens: Bool) throws {
    let listen = listens ? ["--listen", address(service)] : []
    processes["\(service)-\(name)"] = try ServerProcess(
      "nightjar-\(service)",
      ["\(executables)/nightjar-\(service)", "--certificates", "\(folder)/certificates", "--name", name] + listen
        + arguments,
      cpus: "0,1", log: "\(folder)/\(service)-\(name).log")
    if listens, let port = ports[service] { processes["\(service)-\(name)"]?.awaitPort(port) }
  }

  private func address(_ service: String) -> String { "127.0.0.1:\(ports[service] ?? 0)" }

  private func client(_ service: Role, as role: String) throws -> ServiceClient {
    try ServiceClient(
      to: [SocketAddress(parsing: address(service.rawValue))], expecting: service, serverName: nil,
      certificates: CertificateFiles(
        chain: "\(folder)/certificates/\(role)-cli.pem", key: "\(folder)/certificates/\(role)-cli-key.pem",
        authorities: "\(folder)/certificates/ca.pem"), logger: logger)
  }

  /// Wall seconds of a piece of work.
  func time(_ body: () async throws -> Void) async rethrows -> Double {
    let start = ContinuousClock.now
    try await body()
    return start.duration(to: .now) / .seconds(1)
  }

  /// Creates the tenants and writes their rows through ingest.
  func open(_ tenants: [String], _ shop: GeneratedShop) async throws {
    let control = try client(.control, as: "admin")
    let ingest = try client(.ingest, as: "platform")
    for (number, tenant) in tenants.enumerated() {
      _ = try await control.call(ControlService.createTenant) { $0.id = tenant }
      let writer = IngestClient(ingest, tenant: try TenantID(tenant))
      try require(try await writer.upsert(try shop.customerRows()))
      try require(try await writer.upsert(try shop.productRows()))
      try require(try await writer.record(Batches(shop: shop, seed: UInt64(number))))
    }
    await control.close()
    await ingest.close()
  }

  private func require(_ report: WriteReport) throws {
    if let rejection = report.rejections.first { fail("ingest rejected a row: \(rejection.field) \(rejection.reason)") }
  }

  /// Runs a night for everybody; how many of each verdict and recipe.
  func night(asOf: Timestamp) async throws -> [String: Int] {
    let control = try client(.control, as: "admin")
    var night = try await control.call(ControlService.runNight) { $0.as_of_us = asOf.microseconds }
    let id = night.id
    while night.finished_at_us == 0 {
      try await Task.sleep(for: .milliseconds(100))
      night = try await control.call(ControlService.getNight) { $0.night = id }
    }
    await control.close()
    var verdicts: [String: Int] = [:]
    for item in night.list(\.n_work, \.work) {
      guard let evaluation = item.evaluation, item.failure.isEmpty else {
        fail("\(item.tenant) failed: \(item.failure)")
      }
      let winner = evaluation.list(\.n_candidates, \.candidates).first { $0.candidate == evaluation.winner }
      verdicts["\(evaluation.winner) (\(winner?.recipe ?? "not judged"))", default: 0] += 1
    }
    return verdicts
  }

  /// Waits until the ranker answers from lists as of the night for every tenant.
  func awaitAdoption(of tenants: [String], _ shop: GeneratedShop, asOf: Timestamp) async throws {
    let ranker = try client(.ranker, as: "platform")
    let end = ContinuousClock.now + .seconds(600)
    for tenant in tenants {
      while true {
        let answer = try? await ranker.call(RankerService.getRecommendations) { request in
          request.tenant = tenant
          request.customer = GeneratedShop.customer(0)
          request.limit = 1
        }
        if answer?.as_of_us == asOf.microseconds { break }
        guard ContinuousClock.now < end else { fail("the ranker does not adopt \(tenant)'s lists") }
        try await Task.sleep(for: .milliseconds(5))
      }
    }
    await ranker.close()
  }

  /// What the trainers have counted and the processes have used since they were started.
  func usage() async throws -> Usage {
    var usage = Usage()
    for port in adminPorts {
      guard let url = URL(string: "http://127.0.0.1:\(port)/metrics") else { continue }
      let (data, _) = try await URLSession.shared.data(from: url)
      for line in String(decoding: data, as: UTF8.self).split(separator: "\n")
      where line.hasPrefix("nightjar_trainer_phase_seconds_total{") {
        let parts = line.split(separator: "\"")
        guard parts.count == 3, let seconds = Double(parts[2].dropFirst(2)) else { continue }
        usage.phases[String(parts[1]), default: 0] += seconds
      }
    }
    for (name, process) in processes { usage.processors[name] = process.cpuSeconds }
    return usage
  }
}

/// Seconds, by the trainers' phase and by process.
struct Usage {
  var phases: [String: Double] = [:]
  var processors: [String: Double] = [:]

  func since(_ before: Usage) -> Usage {
    Usage(
      phases: phases.merging(before.phases) { $0 - $1 }, processors: processors.merging(before.processors) { $0 - $1 })
  }
}

/// A tenant's events, generated as they are asked for.
private struct Batches: AsyncSequence {
  let shop: GeneratedShop
  let seed: UInt64

  struct AsyncIterator: AsyncIteratorProtocol {
    let shop: GeneratedShop
    let seed: UInt64
    var next = 0

    mutating func next() async throws -> [Event]? {
      guard next < shop.events else { return nil }
      let range = next..<Swift.min(next + IngestClient.batchRows, shop.events)
      next = range.upperBound
      return try shop.batch(range, seed: seed)
    }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(shop: shop, seed: seed) }
}
