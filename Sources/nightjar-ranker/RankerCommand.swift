import ArgumentParser
import Commerce
import Operations
import RPC
import Ranking
import Transport

/// `nightjar-ranker`: flags and wiring.
@main
struct RankerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nightjar-ranker", abstract: "Answers recommendations from mapped lists.",
    discussion: Environment.discussion)

  @OptionGroup var service: ServiceOptions
  @OptionGroup var listening: ListenOptions

  @Option(help: "Address of control, HOST:PORT.")
  var control: String

  @Option(help: "Folder of the shared store, into which trainers publish.")
  var store: String

  @Option(help: "Folder of this ranker alone, on a local disk, for its copies of artifacts and its routing.")
  var cache: String

  @Option(
    help: "Bytes that the copies may take; of those over it, what nobody routes to goes, the longest unused first.")
  var cacheBytes = Ranker.Options.ordinaryCacheBytes

  @Option(help: "Bytes a second to fetch from the store at most; 0 = no limit.")
  var fetchBytesPerSecond: UInt64 = 0

  func run() async throws {
    try await service.run(as: .ranker) { surroundings in
      let ranker = try Ranker(
        Ranker.Options(
          store: store, cache: cache, cacheBytes: cacheBytes, fetchBytesPerSecond: fetchBytesPerSecond),
        logger: surroundings.logger, now: { Timestamp.wallClock() })
      ranker.show(in: surroundings.metrics)
      ranker.remark(in: surroundings.remarks)
      var router = Router()
      ranker.install(in: &router)
      let control = try surroundings.client(of: .control, at: control)
      let answering = try listening.server(for: router, in: surroundings, grace: service.grace)
      return [ranker.following(control, for: answering.server), answering]
    }
  }

  static func main() async { await mainWithEnvironment() }
}
