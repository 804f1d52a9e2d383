import ArgumentParser
import CLoad
import Foundation
import Load

/// The real ranker against redis-server, both over TLS.
@main
struct BenchRPC: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-rpc", abstract: "Measures nightjar-ranker against redis-server 7, both over TLS.",
    discussion: """
      The server runs on processor 0, the load on processor 1. Both peers have the same certificates on both sides and the \
      same cipher (TLS_AES_128_GCM_SHA256); Redis's values are the very bytes that the ranker answers: 10 products with their \
      scores. `floor` is what libssl and the kernel alone take: a server in C that answers fixed bytes; `grpc` measures a \
      server in C++ that does the same over gRPC. Rounds are interleaved, ratios are taken round by round, and their medians \
      are printed.
      """)

  enum Part: String, CaseIterable, ExpressibleByArgument { case throughput, latency, allocations, idle, storm, grpc }

  @Argument(help: "What to measure; everything, if nothing is named.")
  var parts: [Part] = Part.allCases

  @Option(help: "Rounds of each measurement; of latency three times as many.")
  var rounds = 9

  @Option(help: "Seconds that each measurement of a round takes; of latency three times as long.")
  var seconds = 1.0

  @Option(help: "Customers that have a list.")
  var customers = 100_000

  @Flag(help: "The ranker keeps no served records, as it does unless told not to.")
  var withoutServed = false

  @Flag(help: "The tenant has an overlay: 50 of 1,000 products are withdrawn, and so on.")
  var withOverlay = false

  @Option(help: "Folder of Nightjar's release build.")
  var executables = "../.build/release"

  func validate() throws {
    guard rounds > 0, seconds > 0, customers > 0 else {
      throw ValidationError("--rounds, --seconds and --customers must be above 0")
    }
  }

  func run() throws {
    load_flush_lines()
    let world = try World(executables: executables, repository: "..", withOverlay: withOverlay)
    try world.publish(tenant: "bench", bake: "b1", customers: customers)
    let bench = Bench(
      world: world, rounds: rounds, seconds: seconds, customers: customers, floor: "\(Self.products)/floor",
      writesDown: !withoutServed)
    load_pin(1)
    for part in Part.allCases where parts.contains(part) {
      switch part {
      case .throughput: try bench.throughput()
      case .latency: try bench.latency()
      case .allocations: try bench.allocations(library: "\(Self.products)/libmalloc-count.so")
      case .idle: try bench.idle()
      case .storm: try bench.storm()
      case .grpc: try bench.grpc(peer: "\(Self.products)/grpc-peer")
      }
    }
  }

  /// Folder of the benchmarks' own build.
  private static var products: String {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path
  }
}
