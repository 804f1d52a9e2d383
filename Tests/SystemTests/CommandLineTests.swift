import Console
import Foundation
import Testing

/// `nightjar` as a person uses it: the tool's own processes, files, output and exit statuses.
@Suite("nightjar on the command line", .serialized)
struct CommandLineTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  @Test("up, tenant, import, night, recommend, versions, activate, journal; Ctrl-C ends all with status 0")
  func wholeDay() async throws {
    let up = try await Up(in: folder)
    let created = try await tool("tenant", "create", "acme", "--title", "Acme & Söhne")
    #expect(created.status == 0, "\(created.remarks)")
    #expect(try await tool("tenant", "create", "acme", "--title", "Another").status == 1)

    try folder.write("customers.csv", "id,country,first_seen\nc1,DE,2011-01-01\nc2,,\n\"c3,AT,\nc4,CH,never\n")
    try folder.write(
      "products.csv", "id,name,price,currency\np1,Mug,2.50,GBP\np2,\"Cup, blue\",1,GBP\np3,Jar,1.234,GBP\n")
    try folder.write(
      "events.csv",
      "id,kind,customer,product,occurred_at,quantity,revenue,currency\n"
        + (1...40).map { "e\($0),purchase,c\($0 % 2 + 1),p\($0 % 3 / 2 + 1),2011-01-\($0 % 20 + 10),1,2.50,GBP\n" }
        .joined()
        + "e1,purchase,c1,p2,2011-02-01,7,2.50,GBP\n")
    let files = ["--customers", "customers.csv", "--products", "products.csv", "--events", "events.csv"]
    let first = try await tool(["import", "--tenant", "acme"] + files)
    #expect(first.status == 1)
    #expect(first.output.contains("customers.csv: 2 rows written, 0 were there already, 2 rejected"))
    #expect(first.output.contains("products.csv: 2 rows written, 0 were there already, 1 rejected"))
    #expect(first.output.contains("events.csv: 40 rows written, 0 were there already, 1 rejected"))
    for place in ["customers.csv line 4:", "customers.csv line 5:", "products.csv line 4:", "events.csv line 42:"] {
      #expect(first.remarks.contains(place), "\(place)")
    }
    let second = try await tool("import", "--tenant", "acme", "--events", "events.csv", "--json")
    let report = try #require(try second.objects().first)
    #expect(report["accepted"] as? Int == 0)
    #expect(report["duplicates"] as? Int == 40)
    #expect(report["rejected"] as? Int == 1)

    let night = try await tool("night", "--as-of", "2011-03-01", "--json")
    #expect(night.status == 0)
    let work = try #require((try night.objects().first?["work"] as? [[String: Any]])?.first)
    #expect(work["tenant"] as? String == "acme")
    #expect(work["state"] as? String == "WORK_STATE_DONE")
    let bake = try #require(work["activated_bake"] as? String)

    try await eventually("the ranker serves the bake") {
      try await tool("recommend", "--tenant", "acme", "--customer", "c1", "--json").objects().first?["bake"] as? String
        == bake
    }
    let answer = try await tool("recommend", "--tenant", "acme", "--customer", "somebody", "-n", "1")
    #expect(answer.status == 0)
    #expect(answer.output.contains("FALLBACK"))
    #expect(answer.output.contains("p1"))
    let recommended = try await tool("recommend", "--tenant", "acme", "--customer", "c1", "--json").objects().first
    let id = try #require(recommended?["recommendation_id"] as? String)
    try await eventually("the recommendation resolves") {
      let resolved = try await tool("resolve", "--tenant", "acme", id)
      return resolved.status == 0 && resolved.output.contains("customer c1 at") && resolved.output.contains(bake)
    }
    #expect(try await tool("resolve", "--tenant", "acme", String(id.reversed())).status == 1)
    #expect(try await tool("versions", "--tenant", "acme").output.contains(bake))
    #expect(try await tool("tenant", "list", "--json").objects().map { $0["id"] as? String } == ["acme"])
    #expect(try await tool("tenant", "show", "acme").output.contains("2 customers, 2 products, 0 offers, 40 events"))
    #expect(try await tool("activate", "--tenant", "acme", "--bake", bake, "--generation", "999").status == 1)
    #expect(try await tool("tenant", "mode", "acme", "frozen").output.contains("frozen"))
    let journal = try await tool("journal", "--tenant", "acme")
    #expect(journal.output.contains("mode.set"))
    #expect(journal.output.contains("ranker/a"))
    #expect(try await tool("tenant", "show", "nobody").status == 1)

    up.process.send(signal: SIGINT)
    #expect(await up.process.ended() == .exited(0))
    #expect(up.children.allSatisfy { !isAlive($0) })
    let after = try await tool("tenant", "list")
    #expect(after.status == 1)
    #expect(after.remarks.contains("nightjar up"))
  }

  @Test("the services do not outlive a nightjar up that is killed")
  func killedParent() async throws {
    let up = try await Up(in: folder)
    #expect(up.children.count == 5)
    up.process.send(signal: SIGKILL)
    _ = await up.process.ended()
    try await eventually("all services are gone") { up.children.allSatisfy { !isAlive($0) } }
  }

  @Test("nightjar up says which service died, stops the others and fails")
  func deadService() async throws {
    let up = try await Up(in: folder)
    kill(up.children[2], SIGKILL)
    #expect(await up.process.ended() == .exited(1))
    #expect(try String(contentsOfFile: up.process.log, encoding: .utf8).contains("ranker-a was killed by signal 9"))
    #expect(up.children.allSatisfy { !isAlive($0) })
  }

  @Test("a folder runs one nightjar up at a time, and a second run goes on with the data of the first")
  func sameFolder() async throws {
    let first = try await Up(in: folder)
    #expect(try await tool("tenant", "create", "acme").status == 0)
    let rival = try await tool("up", "--dir", "dir")
    #expect(rival.status == 1)
    #expect(rival.remarks.contains("Another process uses") && rival.remarks.contains("name another folder"))
    first.process.send(signal: SIGTERM)
    #expect(await first.process.ended() == .exited(0))
    let second = try await Up(in: folder)
    #expect(try await tool("tenant", "show", "acme").status == 0)
    second.process.send(signal: SIGTERM)
    #expect(await second.process.ended() == .exited(0))
  }

  @Test("SIGHUP has all services of nightjar up read their certificates again, and ends none")
  func hangup() async throws {
    let up = try await Up(in: folder)
    up.process.send(signal: SIGHUP)
    let logs = "\(folder.path)/dir/logs"
    for service in ["ingest-a", "control-a", "ranker-a", "trainer-node-1", "trainer-node-2"] {
      try await eventually("\(service) has") {
        try String(contentsOfFile: "\(logs)/\(service).log", encoding: .utf8).contains("certificates reloaded")
      }
    }
    #expect(up.process.isRunning && up.children.allSatisfy { isAlive($0) })
    up.process.send(signal: SIGTERM)
    #expect(await up.process.ended() == .exited(0))
  }

  @Test("any method of any service can be called, described and asked for its health")
  func calls() async throws {
    let up = try await Up(in: folder)
    let endpoints = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: "\(folder.path)/dir/endpoints.json")))
        as? [String: String])
    let (control, ingest, ranker) = (endpoints["control"] ?? "", endpoints["ingest"] ?? "", endpoints["ranker"] ?? "")

    let created = try await tool(
      "call", control, "nightjar.v1.Control/CreateTenant", #"{"id":"uk","name":"UK","reason":"a test"}"#)
    #expect(try created.objects().first?["id"] as? String == "uk")
    let again = try await tool("call", control, "nightjar.v1.Control/CreateTenant", #"{"id":"uk"}"#)
    #expect(again.status == 1 && again.remarks.contains("ALREADY_EXISTS"))
    try await eventually("the ranker knows the tenant") {
      let answer = try await tool(
        "call", ranker, "nightjar.v1.Ranker/GetRecommendations", #"{"tenant":"uk","customer":"12347"}"#)
      return answer.remarks.contains("has no list yet")
    }

    let rows = [
      #"{"tenant":"uk","events":[{"id":"e1","kind":"EVENT_KIND_VIEW","customer":"c","product":"p","occurredAtUs":"1300000000000000"}]}"#,
      #"{"tenant":"uk","events":[{"id":"e1","kind":1,"customer":"c","product":"p","occurred_at_us":1.3e15},{"id":"e2"}]}"#,
    ]
    let recorded = try await tool(
      ["call", ingest, "nightjar.v1.Ingest/RecordEvents"], input: rows.joined(separator: "\n") + "\n")
    #expect(
      try recorded.objects().map { $0["verdicts"] as? [String] }
        == [["VERDICT_ACCEPTED"], ["VERDICT_DUPLICATE", "VERDICT_REJECTED"]])
    let described = try await tool("call", ingest, "nightjar.v1.Ingest/Describe", "-", input: #"{"tenant":"uk"}"#)
    #expect(try described.objects().first?["events"] as? Int == 1)

    let wrong = try await tool("call", control, "nightjar.v1.Control/SetMode", #"{"tenant":"uk","mode":"MODE_WILD"}"#)
    #expect(wrong.status == 1 && wrong.remarks.contains("mode: 'MODE_WILD' is none of MODE_UNKNOWN, MODE_ON"))
    let unknown = try await tool("call", ranker, "GetRecommendations", "{}")
    #expect(unknown.status == 1 && unknown.remarks.contains("is it nightjar.v1.Ranker/GetRecommendations?"))

    // Whose input does not end learns of its mistake all the same.
    let endless = Pipe()
    try endless.fileHandleForWriting.write(contentsOf: Data("{\"tenants\":1}\n".utf8))
    let waiting = try await tool(
      ["call", ingest, "nightjar.v1.Ingest/RecordEvents"], from: endless.fileHandleForReading)
    #expect(
      waiting.status == 1 && waiting.remarks.contains("tenants: nightjar.v1.RecordEventsRequest has no such field"))
    try endless.fileHandleForWriting.close()

    #expect(try await tool("health", ranker, "nightjar.v1.Ranker").output == "SERVING\n")
    #expect(try await tool("health", ranker, "nightjar.v1.Ingest").status == 1)
    let methods = try await tool("describe", control)
    for method in ["Control/RunNight", "Health/Watch", "Reflection/ListMethods"] {
      #expect(methods.output.contains("nightjar.v1.\(method)"))
    }
    let type = try await tool("describe", ranker, "nightjar.v1.Ranker/GetRecommendations")
    #expect(type.output.contains("repeated Recommendation items = 2") && type.output.contains("OUTCOME_LIST = 1"))

    up.process.send(signal: SIGTERM)
    #expect(await up.process.ended() == .exited(0))
    #expect(try await tool("health", ranker).status == 1)
  }

  /// A running `nightjar up --dir dir` in the test's folder, and the ids of its services.
  private struct Up {
    let process: ChildProcess
    let children: [pid_t]

    init(in folder: TestFolder) async throws {
      let process = try ChildProcess(
        name: "up", executable: "\(Cluster.executables)/nightjar", arguments: ["up", "--dir", "\(folder.path)/dir"],
        log: "\(folder.path)/up-\(UUID().uuidString).log")
      self.process = process
      var lines: [[Substring]] = []
      try await eventually("nightjar up is ready: \((try? String(contentsOfFile: process.log, encoding: .utf8)) ?? "")")
      {
        let text = try String(contentsOfFile: process.log, encoding: .utf8)
        lines = text.split(separator: "\n").map { $0.split(separator: " ") }
        return text.contains("Ctrl-C stops everything") || !process.isRunning
      }
      children = lines.compactMap { $0.count == 3 ? pid_t($0[1]) : nil }.suffix(5)
    }
  }

  private func tool(_ arguments: String..., input: String = "") async throws -> ToolRun {
    try await tool(arguments, input: input)
  }

  /// Runs the tool in the test's folder, against `dir` there.
  private func tool(_ arguments: [String], input: String = "") async throws -> ToolRun {
    try await tool(arguments, from: FileHandle(forReadingAtPath: try folder.write("input", input)))
  }

  private func tool(_ arguments: [String], from input: FileHandle?) async throws -> ToolRun {
    let process = Process()
    process.executableURL = URL(filePath: "\(Cluster.executables)/nightjar")
    process.arguments = arguments
    process.currentDirectoryURL = URL(filePath: folder.path)
    process.environment = ["NIGHTJAR_DIR": "dir"]
    let (output, remarks) = (try folder.write("output", ""), try folder.write("remarks", ""))
    process.standardInput = input
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: remarks)
    // A thread of its own waits, so that the tests beside this one keep theirs.
    let status = try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Int32, any Error>) in
      process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
      do { try process.run() } catch { continuation.resume(throwing: error) }
    }
    return ToolRun(
      status: status, output: try String(contentsOfFile: output, encoding: .utf8),
      remarks: try String(contentsOfFile: remarks, encoding: .utf8))
  }
}

/// What one call of the tool came to.
private struct ToolRun {
  let status: Int32
  let output: String
  let remarks: String

  /// The lines of output as JSON objects.
  func objects() throws -> [[String: Any]] {
    try output.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "\($0)")
    }
  }
}

/// A folder that goes when the test is over.
private final class TestFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "nightjar-tool-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult func write(_ name: String, _ text: String) throws -> String {
    let file = "\(path)/\(name)"
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    return file
  }
}

/// Whether a process is there and no zombie.
private func isAlive(_ pid: pid_t) -> Bool {
  guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
  return status.drop { $0 != ")" }.dropFirst(2).first != "Z"
}
