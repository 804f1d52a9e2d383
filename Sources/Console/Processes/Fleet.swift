import Foundation
import Operations

/// The four services and the trainers, two where there are cores for them, as processes on this machine, all data under one folder.
public final class Fleet: Sendable {
  /// Where they answer.
  public let endpoints: Endpoints
  /// In the order in which they were started.
  public let children: [ChildProcess]
  private let folder: String
  private let claim: FolderClaim
  private static let claimFile = ".nightjar-lock"

  /// Time that each service has to get ready.
  private static let startLimit = Duration.seconds(30)
  /// Time that all have to stop before they are killed.
  private static let stopGrace = Duration.seconds(15)
  /// Where the services keep what they know, below the folder.
  private static let dataFolders = ["ingest", "control", "store", "ranker-a"]
  /// Names of the trainers; `deploy/dev-certificates.sh` makes certificates for these by itself.
  private static let trainers = ["node-1", "node-2"].prefix(Machine.present().cores)

  /// What becomes of the data that an earlier fleet left in the folder.
  public enum DataAtStart: Sendable { case kept, removed }

  /// Makes certificates where they are missing or near their end, starts everything in `folder` and waits until all are
  /// ready. What was started is stopped when one fails.
  ///
  /// - Parameter executables: folder of the services' executables.
  public static func start(folder: String, executables: String, data: DataAtStart) async throws -> Fleet {
    let folder = URL(fileURLWithPath: folder).standardizedFileURL.path
    do {
      try FileManager.default.createDirectory(atPath: "\(folder)/logs", withIntermediateDirectories: true)
    } catch {
      throw ConsoleError("cannot make the folder \(folder)/logs: \(error.localizedDescription)")
    }
    let isOurs = hasRun(in: folder)
    let claim = try FolderClaim(folder, file: claimFile)
    if data == .removed { try removeData(in: folder, isOurs: isOurs) }
    try await makeCertificates(in: folder, executables: executables)
    var children: [ChildProcess] = []
    do {
      func launch(_ service: String, _ name: String, _ arguments: [String]) async throws -> String {
        let child = try ChildProcess(
          name: "\(service)-\(name)", executable: "\(executables)/nightjar-\(service)",
          arguments: ["--certificates", "\(folder)/certificates", "--name", name, "--stop-at-end-of-input"] + arguments,
          log: "\(folder)/logs/\(service)-\(name).log")
        children.append(child)
        return try await child.ready(within: startLimit)["address"] ?? ""
      }
      let ingest = try await launch("ingest", "a", ["--data", "\(folder)/ingest"])
      let control = try await launch("control", "a", ["--data", "\(folder)/control", "--ingest", ingest])
      let ranker = try await launch(
        "ranker", "a",
        ["--control", control, "--ingest", ingest, "--store", "\(folder)/store", "--cache", "\(folder)/ranker-a"])
      for name in trainers {
        _ = try await launch(
          "trainer", name,
          [
            "--control", control, "--ingest", ingest, "--store", "\(folder)/store",
            "--trainers", "\(trainers.count)",
          ])
      }
      let endpoints = Endpoints(
        control: control, ingest: ingest, ranker: ranker, certificates: "\(folder)/certificates")
      try endpoints.write(folder: folder)
      return Fleet(endpoints: endpoints, children: children, folder: folder, claim: claim)
    } catch {
      await stop(children)
      throw error
    }
  }

  private init(endpoints: Endpoints, children: [ChildProcess], folder: String, claim: FolderClaim) {
    self.endpoints = endpoints
    self.children = children
    self.folder = folder
    self.claim = claim
  }

  /// Whether a fleet has ever run in the folder.
  private static func hasRun(in folder: String) -> Bool { access("\(folder)/\(claimFile)", F_OK) == 0 }

  /// Waits until one of them ends, which none does unless it is stopped or fails; nil when the waiting task is cancelled.
  public func firstEnd() async -> (child: ChildProcess, end: ChildProcess.End)? {
    let (ends, continuation) = AsyncStream.makeStream(of: (child: ChildProcess, end: ChildProcess.End).self)
    for child in children {
      Task { continuation.yield((child, await child.ended())) }
    }
    return await ends.first { _ in true }
  }

  /// Stops all of them gracefully, and kills those that do not stop in time.
  public func stop() async {
    try? FileManager.default.removeItem(atPath: "\(folder)/\(Endpoints.file)")
    await Self.stop(children)
  }

  private static func stop(_ children: [ChildProcess]) async {
    await withTaskGroup(of: Void.self) { group in
      for child in children { group.addTask { await child.stop(grace: stopGrace) } }
    }
  }

  /// Removes what an earlier fleet left, and nothing from a folder that never was a fleet's.
  private static func removeData(in folder: String, isOurs: Bool) throws {
    for path in dataFolders.map({ "\(folder)/\($0)" }) where FileManager.default.fileExists(atPath: path) {
      guard isOurs else { throw ConsoleError("\(path) is there and not Nightjar's: choose another folder with --dir") }
      do {
        try FileManager.default.removeItem(atPath: path)
      } catch {
        throw ConsoleError("cannot remove \(path): \(error.localizedDescription)")
      }
    }
  }

  private static func makeCertificates(in folder: String, executables: String) async throws {
    let script = try Installation.find("deploy/dev-certificates.sh", from: executables)
    let maker = try ChildProcess(
      name: "dev-certificates.sh", executable: script, arguments: ["\(folder)/certificates"],
      log: "\(folder)/logs/certificates.log")
    let end = await maker.ended()
    guard end == .exited(0) else { throw ConsoleError("\(script) \(end). Its output is in \(maker.log)") }
  }
}
