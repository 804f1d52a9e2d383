import RankedLists
import Testing

@testable import Ranking

/// Folding a call's acts in, against the normal equations in f64.
@Suite struct FoldInTests {
  /// Reproducible numbers within -1 and 1.
  private struct Numbers {
    private var state: UInt64 = 88_172_645_463_325_252
    mutating func next() -> Float {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Float(Int64(bitPattern: state)) / Float(Int64.max)
    }
  }

  @Test("the solution of a symmetric positive definite system", arguments: [1, 2, 15, 16, 17, 64, 100])
  func solve(size n: Int) {
    var numbers = Numbers()
    let half = (0..<n * n).map { _ in numbers.next() }
    var a = [Float](repeating: 0, count: n * n)
    for row in 0..<n {
      for column in 0..<n {
        a[row * n + column] = (0..<n).reduce(row == column ? 1 : 0) { $0 + half[row * n + $1] * half[column * n + $1] }
      }
    }
    let b = (0..<n).map { _ in numbers.next() }
    var (decomposed, x) = (a, b)
    #expect(FoldIn.solve(&decomposed, &x))
    for row in 0..<n {
      let image = (0..<n).reduce(0.0) { $0 + Double(a[row * n + $1]) * Double(x[$1]) }
      #expect(abs(image - Double(b[row])) < 1e-3)
    }
  }

  @Test("a system that is not positive definite has none", arguments: [0, -1, Float.nan])
  func indefinite(pivot: Float) {
    var (a, b): ([Float], [Float]) = ([1, 2, 2, 4 + pivot], [1, 1])
    #expect(!FoldIn.solve(&a, &b))
    (a, b) = ([pivot], [1])
    #expect(!FoldIn.solve(&a, &b))
  }

  @Test("the vector of some acts, and every candidate's score", arguments: [1, 3, 16, 20, 64])
  func vector(dimensions d: Int) throws {
    let (scratch, products) = (try Scratch(), 40)
    var numbers = Numbers()
    let vectors = (0..<products * d).map { _ in numbers.next() }
    var gram = [Float](repeating: 0, count: d * d)
    for row in 0..<d {
      for column in 0..<d {
        gram[row * d + column] = (0..<products).reduce(0) { $0 + vectors[$1 * d + row] * vectors[$1 * d + column] }
      }
    }
    let (regularization, confidence): (Float, Float) = (0.5, 3)
    let lists = try scratch.lists(
      ItemFactors(
        dimensions: d, regularization: regularization, confidence: confidence, gram: gram,
        biases: [Float](repeating: 0, count: products), vectors: vectors), products: products)
    let acts: [(candidate: Int, weight: Float)] = [(3, 1), (39, 0.25), (0, 2), (3, 1)]
    guard let factors = lists.factors else {
      Issue.record("the file has its factors")
      return
    }
    let fold = FoldIn(factors)
    let x = fold.vector(of: acts)
    let scores = fold.scores(x, candidates: products)
    func product(_ candidate: Int) -> Double {
      (0..<d).reduce(0) { $0 + Double(vectors[candidate * d + $1]) * Double(x[$1]) }
    }
    for row in 0..<d {
      var left = Double(regularization * x[row])
      for column in 0..<d { left += Double(gram[row * d + column]) * Double(x[column]) }
      var right = 0.0
      for (candidate, weight) in acts {
        let own = Double(vectors[candidate * d + row])
        left += Double(confidence * weight) * product(candidate) * own
        right += Double(1 + confidence * weight) * own
      }
      #expect(abs(left - right) < 1e-3)
    }
    for candidate in 0..<products { #expect(abs(Double(scores[candidate]) - product(candidate)) < 1e-5) }
  }
}

extension Scratch {
  /// Lists with these factors, of which one customer has one.
  fileprivate func lists(_ factors: ItemFactors, products: Int) throws -> RankedLists {
    let header = RankedListsHeader(tenant: "uk", model: "m", bake: "b", asOf: 0)
    var writer = try RankedListsWriter(path: file("lists"), header: header, parts: [.factors])
    for product in 0..<products { _ = try writer.addCandidate(product: "p\(product)") }
    try writer.setFactors(factors)
    try writer.add(customer: "ann", entries: [RankedEntry(candidate: 0, score: 1)])
    try writer.finish()
    return try RankedLists(path: file("lists"), tenant: "uk", bake: "b")
  }
}
