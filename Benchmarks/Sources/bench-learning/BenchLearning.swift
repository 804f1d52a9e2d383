import ArgumentParser
import Foundation
import Learning

/// Fits and lists: against PyPI's implicit, and for a tenant as large as they come.
@main
struct BenchLearning: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-learning",
    abstract: "Measures learning: implicit ALS and lists against implicit 0.7.3, and a large tenant.",
    discussion: """
      als: fits of 50,000 customers x 5,000 products with 4.0 million non-zeros, 64 factors, 15 iterations. top: lists of \
      50 for each of them, without what they had. Rounds are in turns; medians and their ratio are printed, and both \
      losses. large: 1 million customers x 20,000 products x 50 million events, from events to lists, with the time of \
      each phase and the peak of memory.
      """)

  enum Part: String, CaseIterable, ExpressibleByArgument { case als, top, large }

  @Argument(help: "What to measure; everything, if nothing is named.")
  var parts: [Part] = Part.allCases

  @Option(help: "Rounds of each comparison.")
  var rounds = 5

  @Option(help: "Threads on both sides, one comparison for each; the large tenant takes the last.")
  var threads = [1, 2]

  @Option(help: "Factors of the large tenant.")
  var factors = 64

  @Option(help: "Where Benchmarks/install-peers.sh has put the peers.")
  var peers = ProcessInfo.processInfo.environment["NIGHTJAR_PEERS"] ?? NSHomeDirectory() + "/.cache/nightjar-peers"

  @Option(help: "Divides the numbers of customers, products and events, for a quick look.")
  var scale = 1

  func validate() throws {
    guard rounds > 0, scale > 0, factors > 0, !threads.isEmpty, threads.allSatisfy({ $0 > 0 }) else {
      throw ValidationError("--rounds, --threads, --factors and --scale must be above 0")
    }
  }

  func run() throws {
    if parts.contains(.als) || parts.contains(.top) {
      let matrix = GeneratedMatrix(
        customers: 50_000 / scale, products: 5_000 / scale, nonZeros: 4_000_000 / scale / scale)
      let contest = try Contest(matrix, peers: peers, rounds: rounds)
      for threads in threads where parts.contains(.als) { try contest.fits(threads: threads) }
      if parts.contains(.top) { try contest.lists(threads: threads) }
    }
    if parts.contains(.large) {
      try LargeTenant(
        customers: 1_000_000 / scale, products: 20_000 / scale, events: 50_000_000 / scale / scale, factors: factors
      ).night(threads: threads[threads.count - 1])
    }
  }
}
