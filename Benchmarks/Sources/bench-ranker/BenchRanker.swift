import ArgumentParser
import CLoad
import Foundation
import Load

/// The real ranker, over TLS: what a call's context costs, what swaps do to it, how fast it is there, how fast it exports.
@main
struct BenchRanker: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-ranker",
    abstract: "Measures nightjar-ranker: lookups re-ranked by a call, swaps under load, cold start, exports.",
    discussion: """
      The ranker runs on both processors, beside the load, which sleeps between requests. Comparisons are of rounds with \
      and without, in turns; medians of the rounds are printed.
      """)

  enum Part: String, CaseIterable, ExpressibleByArgument { case context, swaps, cold, export }

  @Argument(help: "What to measure; everything, if nothing is named.")
  var parts: [Part] = Part.allCases

  @Option(help: "Rounds of each comparison.")
  var rounds = 9

  @Option(help: "Seconds of each round.")
  var seconds = 2.0

  @Option(help: "Tenants of the cold start, of 2,000 customers with 50 entries each.")
  var tenants = 4_000

  @Option(help: "Folder of Nightjar's release build.")
  var executables = "../.build/release"

  func validate() throws {
    guard rounds > 0, seconds > 0, tenants > 0 else {
      throw ValidationError("--rounds, --seconds and --tenants must be above 0")
    }
  }

  func run() async throws {
    load_flush_lines()
    for part in Part.allCases where parts.contains(part) {
      let bench = RankerBench(
        world: try World(executables: executables, repository: ".."), rounds: rounds, seconds: seconds)
      switch part {
      case .context: try bench.context()
      case .swaps: try bench.swaps()
      case .cold: try bench.cold(tenants: tenants)
      case .export: try await bench.export()
      }
    }
  }
}
