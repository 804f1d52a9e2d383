import ArgumentParser
import Messages

struct NightCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "night", abstract: "Runs a night, waits for it and shows its verdicts.",
    discussion: "The exit status is 1 when the work of any tenant failed; its lists of the night before stay.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @Option(help: "Business time up to which data counts, such as 2011-09-30.", transform: TimeArgument.parse)
  var asOf: Int64
  @Option(parsing: .upToNextOption, help: "Ids of the tenants; every tenant that is not off where there is none.")
  var tenant: [String] = []
  @Option(help: "Why, for the journal.")
  var reason = ""

  func run() async throws {
    let terminal = Terminal.standard
    var bar = ProgressBar("night", on: terminal)
    let night = try await connection.withClients { clients in
      try await ControlCalls.runNight(asOf: asOf, tenants: tenant, reason: reason, by: clients) { done, total in
        bar.show(done, of: total, "\(done) of \(total) tenants")
      }
    }
    bar.clear()
    if output.json { terminal.line(night.json) } else { NightReport(night).show(on: terminal) }
    if night.list(\.n_work, \.work).contains(where: { $0.state == .failed }) { throw ExitCode.failure }
  }
}
