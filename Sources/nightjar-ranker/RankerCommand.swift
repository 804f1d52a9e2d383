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
  @OptionGroup var tenants: TenantEndpoints

  @Option(help: "Address of control, HOST:PORT.")
  var control: String

  @Option(help: "Folder of the shared store, into which trainers publish.")
  var store: String

  @Option(help: "Folder of this ranker alone, on a local disk, for its copies of artifacts and its routing.")
  var cache: String

  @Option(
    help: "Bytes that the copies may take; of those over it, what nobody routes to goes, the longest unused first.")
  var cacheBytes: UInt64 = 64 << 30

  @Option(help: "Bytes a second to fetch from the store at most; 0 = no limit.")
  var fetchBytesPerSecond: UInt64 = 0

  @Option(help: "Address of ingest, HOST:PORT, to which served records go; without it they are kept in --cache.")
  var ingest: String?

  @Option(
    help:
      "MiB of served records that may wait in --cache for ingest; further ones are dropped and counted; 0 = none are kept."
  )
  var servedMebibytes = 1_024

  func validate() throws {
    guard (0...1_048_576).contains(servedMebibytes) else {
      throw ValidationError("--served-mebibytes goes from 0 to 1048576")
    }
  }

  func run() async throws {
    try await service.run(as: .ranker) { surroundings in
      var options = Ranker.Options(store: store, cache: cache)
      (options.cacheBytes, options.fetchBytesPerSecond) = (cacheBytes, fetchBytesPerSecond)
      options.servedBytes = servedMebibytes << 20
      options.reactors = listening.reactors
      let ranker = try Ranker(options, logger: surroundings.logger, now: { Timestamp.wallClock() })
      ranker.show(in: surroundings.metrics)
      ranker.remark(in: surroundings.remarks)
      var router = Router()
      ranker.install(in: &router)
      let control = try surroundings.client(of: .control, at: control)
      let ingest = try ingest.map { address in
        // What ships served records takes only what lookups leave of the processors.
        let reactor = try Reactor(name: "shipping-client")
        reactor.giveWay(pausing: true)
        return try surroundings.client(of: .ingest, at: address, reactor: reactor)
      }
      let answering = try listening.server(for: router, in: surroundings, grace: service.grace, tenants: tenants)
      return [ranker.following(control, shippingTo: ingest, for: answering.server), answering]
    }
  }

  static func main() async { await mainWithEnvironment() }
}
