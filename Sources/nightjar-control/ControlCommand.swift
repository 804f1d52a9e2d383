import ArgumentParser
import Control
import Messages
import NightjarClient
import Operations
import RPC
import Transport

/// `nightjar-control`: flags and wiring.
@main
struct ControlCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nightjar-control",
    abstract: "Decides: tenants, nights, versions, and what the rankers serve.",
    discussion: Environment.discussion)

  @OptionGroup var service: ServiceOptions
  @OptionGroup var listening: ListenOptions

  @Option(help: "Folder of control's database; made when missing.")
  var data: String

  @Option(help: "Address of ingest, HOST:PORT.")
  var ingest: String

  @Option(help: "Seconds that a trainer may be silent before its work goes to another, 1 to 3600.")
  var leaseSeconds = 30

  func validate() throws {
    guard (1...3_600).contains(leaseSeconds) else { throw ValidationError("--lease-seconds goes from 1 to 3600") }
  }

  func run() async throws {
    try await service.run(as: .control) { surroundings in
      // Two of them on one database would end each other's leases.
      try FolderClaim.forTheProcess(data)
      let signer = try Signer(files: surroundings.certificates)
      surroundings.reloader.add("signer") { try signer.reload($0) }
      let ingest = try surroundings.client(of: .ingest, at: ingest)
      let core = ControlCore(
        database: try ControlDatabase(folder: data, clock: .system), clock: .system,
        leaseTime: .seconds(leaseSeconds), logger: surroundings.logger, metrics: surroundings.metrics,
        sign: { try signer.sign($0) },
        describe: { tenant in TenantFigures(try await ingest.call(IngestService.describe) { $0.tenant = tenant }) })
      let answering = try listening.server(for: core.router(), in: surroundings, grace: service.grace)
      return [answering, LeaseWatch(core)]
    }
  }

  static func main() async { await mainWithEnvironment() }
}
