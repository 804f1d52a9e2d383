import ArgumentParser
import Messages

struct NightCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "night", abstract: "Runs a night, or watches one, and shows its verdicts.",
    discussion: """
      While it runs, a line on the terminal says how far it is; with --watch also where nobody looks at a terminal, every \
      ten seconds, and with --json as objects. The exit status is 1 when the work of any tenant failed or missed its \
      deadline; its lists of the night before stay.
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @Option(help: "Business time up to which data counts, such as 2011-09-30.", transform: TimeArgument.parse)
  var asOf: Int64?
  @Option(parsing: .upToNextOption, help: "Ids of the tenants; every tenant that is not off where there is none.")
  var tenant: [String] = []
  @Option(
    help: "Time from which on what is not done is given up; 06:00 of each tenant's own time where there is none.",
    transform: TimeArgument.parse)
  var deadline: Int64?
  @Flag(help: "Train also tenants whose data are as they were when they were last trained.")
  var retrain = false
  @Option(help: "Why, for the journal.")
  var reason = ""
  @Flag(help: "Say how far the night is while it runs; without --as-of, a night that runs already.")
  var watch = false
  @Option(help: "Number of the night to watch; the latest where there is none.")
  var night: UInt64?

  func validate() throws {
    if asOf == nil, !watch { throw ValidationError("give --as-of to run a night, or --watch to watch one") }
    if asOf != nil, night != nil { throw ValidationError("--night is for watching one that runs; leave out --as-of") }
    if asOf == nil, !tenant.isEmpty || deadline != nil || retrain {
      throw ValidationError("--tenant, --deadline and --retrain are for a night that begins: give --as-of")
    }
  }

  func run() async throws {
    let terminal = Terminal.standard
    var line = NightLine(on: terminal, json: output.json, isAsked: watch)
    let night = try await connection.withClients { clients in
      let id =
        if let asOf {
          try await ControlCalls.startNight(
            asOf: asOf, tenants: tenant, deadline: deadline, retrain: retrain, reason: reason, by: clients)
        } else {
          self.night ?? 0
        }
      return try await ControlCalls.night(id, from: clients) { line.show($0) }
    }
    line.clear()
    if output.json { terminal.line(night.json) } else { NightReport(night).show(on: terminal) }
    let failures: [Proto.WorkState] = [.failed, .missed]
    if night.list(\.n_work, \.work).contains(where: { failures.contains($0.state) }) { throw ExitCode.failure }
  }
}
