import ArgumentParser
import Foundation
import UnixSignals

struct UpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Starts the four services and the trainers here, until Ctrl-C.",
    discussion: """
      There are two trainers, one on a machine of one core; they share the cores and the memory. Each is a process of its own; every byte between them goes over mutually authenticated TLS with certificates made \
      for development. Data, logs and addresses lie under --dir; started again, it goes on with that data. None is \
      restarted by itself: when one ends, all are stopped and the exit status is 1. SIGHUP has all of them read their \
      certificates again, which they also do when the files change.
      """)

  @Option(help: "Folder for data, certificates and logs; made if missing.")
  var dir = ".nightjar"

  func run() async throws {
    let terminal = Terminal.standard
    let stop = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
    let hadTerminal = isatty(STDIN_FILENO) == 1
    let fleet = try await Fleet.start(folder: dir, executables: Installation.executables(), data: .kept)
    var table = Table("PROCESS", ">PID", "LOG")
    for child in fleet.children { table.add(child.name, String(child.pid), child.log) }
    terminal.table(table)
    terminal.line()
    terminal.line(
      "control \(fleet.endpoints.control)  ingest \(fleet.endpoints.ingest)  ranker \(fleet.endpoints.ranker)")
    terminal.line("Try: nightjar tenant list --dir \(dir)    Ctrl-C stops everything.")

    let reason = await Self.first(stop, fleet, hadTerminal: hadTerminal)
    terminal.remark(reason ?? "stopping")
    await fleet.stop()
    if reason != nil { throw ExitCode.failure }
  }

  /// Waits for a signal to stop (nil) or for the end of a process (what happened).
  private static func first(_ signals: UnixSignalsSequence, _ fleet: Fleet, hadTerminal: Bool) async -> String? {
    let (events, continuation) = AsyncStream.makeStream(of: String?.self)
    let watch = Task {
      guard let (child, end) = await fleet.firstEnd() else { return }
      continuation.yield("\(child.name) \(end); stopping the others. Its log is \(child.log)")
    }
    let signal = Task {
      for await signal in signals {
        // Sent by somebody it asks for new certificates; sent by the kernel, the terminal is gone.
        guard signal == .sighup, !hadTerminal || isatty(STDIN_FILENO) == 1 else {
          continuation.yield(nil)
          continue
        }
        for child in fleet.children { child.send(signal: SIGHUP) }
      }
    }
    defer {
      watch.cancel()
      signal.cancel()
    }
    for await event in events { return event }
    return nil
  }
}
