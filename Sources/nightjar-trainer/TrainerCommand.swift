import ArgumentParser
import Operations
import RPC
import Training
import Transport

/// `nightjar-trainer`: flags and wiring.
@main
struct TrainerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nightjar-trainer", abstract: "Trains and bakes one tenant-night after the other.",
    discussion: Environment.discussion)

  @OptionGroup var service: ServiceOptions

  @Option(help: "Address of control, HOST:PORT.")
  var control: String

  @Option(help: "Address of ingest, HOST:PORT.")
  var ingest: String

  @Option(help: "Folder of the shared store, into which artifacts are published.")
  var store: String

  func run() async throws {
    try await service.run(as: .trainer) { surroundings in
      return [
        Trainer(
          control: try surroundings.client(of: .control, at: control),
          ingest: try surroundings.client(of: .ingest, at: ingest), store: store,
          metrics: surroundings.metrics, logger: surroundings.logger)
      ]
    }
  }

  static func main() async { await mainWithEnvironment() }
}
