import ArgumentParser
import Commerce
import Ingest
import Operations
import Transport

/// `nightjar-ingest`: flags and wiring.
@main
struct IngestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nightjar-ingest",
    abstract: "Owns what happened: takes in customers, products, offers and events, and streams snapshots to trainers.",
    discussion: Environment.discussion)

  @OptionGroup var service: ServiceOptions
  @OptionGroup var listen: ListenOptions
  @OptionGroup var tenants: TenantEndpoints

  @Option(help: "Folder of the log and the tenants' databases; made if it is not there. One process at a time.")
  var data: String

  @Option(help: "Most databases of tenants that are open at once; each takes two descriptors and up to 16 MiB.")
  var openDatabases = 128

  func validate() throws {
    guard (8...100_000).contains(openDatabases) else { throw ValidationError("--open-databases goes from 8 to 100000") }
  }

  func run() async throws {
    try await service.run(as: .ingest) { surroundings in
      let intake = try Intake(folder: data, openDatabases: openDatabases, logger: surroundings.logger)
      let verifier = try SignatureVerifier(files: surroundings.certificates)
      surroundings.reloader.add("verifier") { try verifier.reload($0) }
      let handlers = IngestHandlers(
        intake: intake, verifier: verifier, logger: surroundings.logger, clock: Timestamp.wallClock)
      // The last one stops first: calls end before the databases close.
      return [
        intake, try listen.server(for: handlers.router(), in: surroundings, grace: service.grace, tenants: tenants),
      ]
    }
  }

  static func main() async { await mainWithEnvironment() }
}
