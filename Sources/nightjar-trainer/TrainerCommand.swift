import ArgumentParser
import Glibc
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

  @Option(help: "Trainers on this machine, this one included: each gets its part of the cores and of the memory.")
  var trainers = 1

  @Option(help: "Threads of a computation; by default the cores divided by --trainers, which is also the most.")
  var threads: Int?

  @Option(
    help:
      "Memory that a tenant-night may take, such as 16GiB or 512MiB; tenants estimated above it are left to another trainer. By default this trainer's part of 80% of the memory.",
    transform: Self.memory)
  var memory: ByteCount?

  private static func memory(_ text: String) throws -> ByteCount {
    guard let memory = ByteCount(text) else {
      throw ValidationError("--memory takes a whole number of bytes, MiB, GiB or TiB, such as 16GiB, not '\(text)'")
    }
    return memory
  }

  func run() async throws {
    try await service.run(as: .trainer) { surroundings in
      let share = try MachineShare(of: .present(), trainers: trainers, threads: threads, memory: memory)
      surroundings.logger.info(
        "share of the machine", metadata: ["threads": "\(share.threads)", "memory": "\(share.memory)"])
      return [
        Trainer(
          control: try surroundings.client(of: .control, at: control),
          ingest: try surroundings.client(of: .ingest, at: ingest), store: store, share: share,
          grace: service.grace, metrics: surroundings.metrics, logger: surroundings.logger)
      ]
    }
    // A computation that was given back may go on until now: nothing that it uses may be torn down under it.
    fflush(nil)
    _exit(0)
  }

  static func main() async { await mainWithEnvironment() }
}
