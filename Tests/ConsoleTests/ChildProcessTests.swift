import Foundation
import Testing

@testable import Console

@Suite("child processes")
struct ChildProcessTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func shell(_ script: String) throws -> ChildProcess {
    try ChildProcess(
      name: "child", executable: "/bin/sh", arguments: ["-c", script], log: "\(folder.path)/child.log")
  }

  @Test("tell how they ended")
  func end() async throws {
    #expect(await (try shell("exit 3")).ended() == .exited(3))
    #expect(await (try shell("kill -9 $$")).ended() == .killed(signal: SIGKILL))
  }

  @Test("stop when asked")
  func stop() async throws {
    let child = try shell("trap 'exit 7' TERM; echo '{\"event\":\"ready\"}'; while :; do sleep 0.01; done")
    _ = try await child.ready(within: .seconds(20))
    #expect(child.isRunning)
    #expect(await child.stop(grace: .seconds(20)) == .exited(7))
    #expect(!child.isRunning)
    child.send(signal: SIGKILL)
    #expect(await child.ended() == .exited(7))
  }

  @Test("are killed when they do not stop in time")
  func stubborn() async throws {
    let child = try shell("trap '' TERM; echo '{\"event\":\"ready\"}'; while :; do sleep 0.01; done")
    _ = try await child.ready(within: .seconds(20))
    #expect(await child.stop(grace: .milliseconds(50)) == .killed(signal: SIGKILL))
  }

  @Test("start with the usual signals and in a process group of their own")
  func surroundings() async throws {
    // Field 5 of stat is the process group.
    let child = try shell("read -r line < /proc/$$/stat; set -- $line; [ $1 = $5 ] && kill -PIPE $$; exit 1")
    #expect(await child.ended() == .killed(signal: SIGPIPE))
  }

  @Test("see their input end when nobody holds it any more, and not before")
  func input() async throws {
    let child = try shell("echo '{\"event\":\"ready\"}'; read line; exit 5")
    _ = try await child.ready(within: .seconds(20))
    // Others that are started and end take nothing away from it.
    #expect(await (try shell("exit 0")).ended() == .exited(0))
    #expect(child.isRunning)
    child.send(signal: SIGTERM)
    #expect(await child.ended() == .killed(signal: SIGTERM))
  }

  @Test("hand on what their ready line says, of this start and not of an earlier one")
  func ready() async throws {
    #expect(await (try shell("echo '{\"event\":\"ready\",\"address\":\"old:1\"}'")).ended() == .exited(0))
    let child = try shell("echo noise; echo '{\"event\":\"ready\",\"address\":\"h:1\"}'; sleep 60")
    #expect(try await child.ready(within: .seconds(20))["address"] == "h:1")
    await child.stop(grace: .seconds(20))
  }

  @Test("that cannot get ready say why")
  func neverReady() async throws {
    let child = try shell("echo '{\"event\":\"cannot start\",\"error\":\"the port is taken\"}'; exit 1")
    let error = await #expect(throws: ConsoleError.self) { try await child.ready(within: .seconds(20)) }
    #expect(error?.description.contains("the port is taken") == true)
    #expect(error?.description.contains(child.log) == true)
  }

  @Test("that do not exist are named with the remedy")
  func absent() throws {
    let error = #expect(throws: ConsoleError.self) {
      _ = try ChildProcess(name: "x", executable: "/nowhere/x", arguments: [], log: "\(folder.path)/x.log")
    }
    #expect(error?.description.contains("/nowhere/x") == true)
    #expect(error?.description.contains("make build") == true)
  }

  @Test("a demo removes nothing from a folder that is not Nightjar's")
  func foreignFolder() async throws {
    try FileManager.default.createDirectory(atPath: "\(folder.path)/store", withIntermediateDirectories: true)
    try folder.write("store/precious", "x")
    let error = await #expect(throws: ConsoleError.self) {
      _ = try await Fleet.start(folder: folder.path, executables: "/nowhere", data: .removed)
    }
    #expect(error?.description.contains("\(folder.path)/store") == true)
    #expect(FileManager.default.fileExists(atPath: "\(folder.path)/store/precious"))
  }
}
