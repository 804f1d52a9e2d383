import Foundation
import Learning

/// Nightjar and implicit in turns, on the same matrix.
struct Contest {
  private let matrix: GeneratedMatrix
  private let interest: SparseMatrix
  private let peer: ImplicitPeer
  private let rounds: Int

  private static let factors = 64
  private static let regularisation = 1.0
  private static let iterations = 15
  /// Passes before lists are measured, whose time depends little on the factors.
  private static let iterationsBeforeLists = 3
  private static let listLength = 50
  private static let seed: UInt64 = 1
  /// Rows whose lists are asked for at once.
  private static let rowsAtOnce = 4_096

  init(_ matrix: GeneratedMatrix, peers: String, rounds: Int) throws {
    self.matrix = matrix
    self.rounds = rounds
    interest = matrix.interest
    say(
      "\(matrix.customers) customers x \(matrix.products) products, \(interest.count) non-zeros; kernels \(KernelLevel.best)"
    )
    peer = try ImplicitPeer(matrix, peers: peers)
  }

  private func als(iterations: Int) -> ImplicitALS {
    ImplicitALS(
      factors: Self.factors, regularisation: Self.regularisation, alpha: 1, iterations: iterations)
  }

  /// Times fits, and compares the losses of the last ones.
  func fits(threads: Int) throws {
    LinearAlgebra.setThreads(threads)
    var fitted: (x: [Float], y: [Float]) = ([], [])
    try compare("ALS fit, \(Self.factors) factors, \(Self.iterations) iterations, \(threads) threads") {
      fitted = try als(iterations: Self.iterations).factorise(interest, seed: Self.seed)
    } theirs: {
      try peer.fit(
        factors: Self.factors, regularisation: Self.regularisation, iterations: Self.iterations, threads: threads)
    }
    let theirs = try peer.factors()
    let losses = [fitted, theirs].map {
      matrix.loss(x: $0.x, y: $0.y, factors: Self.factors, regularisation: Self.regularisation)
    }
    say(
      "  loss: Nightjar \(losses[0].text(1)), implicit \(losses[1].text(1)), ratio \((losses[0] / losses[1]).text(5))")
  }

  /// Times lists for every customer.
  func lists(threads: [Int]) throws {
    let fitted = try als(iterations: Self.iterationsBeforeLists).factorise(interest, seed: Self.seed)
    _ = try peer.fit(
      factors: Self.factors, regularisation: Self.regularisation, iterations: Self.iterationsBeforeLists,
      threads: threads[0])
    let seen = interest.pairs()
    let eligible = [Bool](repeating: true, count: matrix.products)
    for threads in threads {
      LinearAlgebra.setThreads(threads)
      try compare("top \(Self.listLength) of every customer, \(threads) threads") {
        let top = TopLists(fitted.y, factors: Self.factors, length: Self.listLength, eligible: eligible)
        for start in stride(from: 0, to: matrix.customers, by: Self.rowsAtOnce) {
          _ = try top.lists(
            of: start..<min(start + Self.rowsAtOnce, matrix.customers), in: fitted.x, excluding: seen)
        }
      } theirs: {
        try peer.recommend(length: Self.listLength, threads: threads)
      }
    }
  }

  private func compare(_ title: String, ours: () throws -> Void, theirs: () throws -> Double) throws {
    say("\n\(title)")
    var pairs: [(ours: Double, theirs: Double)] = []
    for round in 1...rounds {
      let time = try ContinuousClock().measure(ours)
      pairs.append((time.seconds, try theirs()))
      say(
        "  round \(round): Nightjar \(pairs[round - 1].ours.text(2)) s, implicit \(pairs[round - 1].theirs.text(2)) s")
    }
    let ratio = median(pairs.map { $0.theirs / $0.ours })
    say(
      "  medians: Nightjar \(median(pairs.map(\.ours)).text(2)) s, implicit \(median(pairs.map(\.theirs)).text(2)) s, "
        + "\(ratio.text(2)) times as fast")
  }
}

/// Prints a line at once, into a file too.
func say(_ line: String) {
  print(line)
  fflush(nil)
}

/// The middle of the values; takes them in any order.
func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

extension Double {
  /// With so many decimals.
  func text(_ decimals: Int) -> String { String(format: "%.\(decimals)f", self) }
}
