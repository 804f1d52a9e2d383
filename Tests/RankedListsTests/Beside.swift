@testable import RankedLists

extension RankedListsParts {
  static let all: RankedListsParts = [.details, .groups, .factors, .neighbours, .reasons, .bought]
}

/// What a sample's file holds beside its lists.
struct Beside {
  var parts: RankedListsParts = []
  var details: [CandidateDetails] = []
  var groups: [(segment: String, region: String)] = []
  var reasons: [[ListReason?]] = []
  var factors: ItemFactors?
  var neighbours: [[RankedEntry]] = []
  var bought: [[UInt32]] = []

  init() {}

  init(_ parts: RankedListsParts, of sample: Sample, seed: UInt64) {
    var random = SplitMix64(seed: seed &+ 1)
    self.parts = parts
    let count = sample.candidates.count
    if parts.contains(.details) { details = (0..<count).map { Self.details(of: $0, &random) } }
    if parts.contains(.groups) {
      groups = sample.lists.indices.map { (["", "trade", "Büro"][$0 % 3], ["Wales", "", "Kent", "Île"][$0 % 4]) }
    }
    if parts.contains(.reasons) {
      reasons = sample.lists.indices.map { index in
        guard index % 4 != 3 else { return [] }
        return sample.lists[index].entries.map { _ in
          let kind = UInt8.random(in: 0...9, using: &random)
          return ListReason.Kind(rawValue: kind).map {
            ListReason($0, candidate: .random(in: 0..<UInt32(count), using: &random))
          }
        }
      }
    }
    if parts.contains(.factors) { factors = Self.factors(of: count, &random) }
    if parts.contains(.neighbours) {
      neighbours = (0..<count).map { own in
        let others = (0..<count).filter { $0 != own }.shuffled(using: &random).prefix(own % 4)
        return others.enumerated().map { RankedEntry(candidate: UInt32($1), score: 1 - Float($0)) }
      }
    }
    if parts.contains(.bought) {
      bought = sample.lists.indices.map { Array((0..<UInt32(count)).shuffled(using: &random).prefix($0 % 5)) }
    }
  }

  private static func details(of index: Int, _ random: inout SplitMix64) -> CandidateDetails {
    let from = Int64.random(in: 0...1_000, using: &random)
    return CandidateDetails(
      name: index % 5 == 0 ? "" : "Tasse № \(index)",
      categories: [[], ["Küche"], ["Küche", "Tassen"], [""]][index % 4],
      channels: UInt32(index % 4), regions: [[], ["Wales", "Kent"], [""]][index % 3],
      availableFrom: index % 2 == 0 ? nil : from, availableUntil: index % 3 == 0 ? nil : from + 1)
  }

  private static func factors(of count: Int, _ random: inout SplitMix64) -> ItemFactors {
    func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in Float.random(in: -1...1, using: &random) } }
    return ItemFactors(
      dimensions: 3, regularization: 0.5, confidence: 40, gram: numbers(9), biases: numbers(count),
      vectors: numbers(3 * count))
  }
}

extension RankedLists {
  /// Reads everything that the parts hold; a wrong offset would trap.
  func readEverythingBeside() {
    for index in 0..<UInt32(candidateCount) {
      _ = copiedDetails(index)
      forEachNeighbour(of: index) { _ = names(of: $0.candidate) }
      for place in places(of: Array(names(of: index).product.utf8)) { _ = candidate(at: place) }
    }
    _ = copiedFactors()
    for place in 0..<customerCount {
      withCustomer(at: place) { _, list in
        _ = (segmentName(segment(of: list)), regionName(region(of: list)))
        forEachBought(by: list) { _ = names(of: $0) }
        for position in 0..<list.count { _ = reason(of: list, at: position).map { names(of: $0.candidate) } }
      }
    }
  }

  func copiedDetails(_ index: UInt32) -> (CandidateDetails, category: UInt32)? {
    guard let view = details(index) else { return nil }
    var copy = CandidateDetails(
      name: view.name.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }, categories: view.categories,
      channels: view.channels, regions: view.regions)
    let bounds = view.availability
    copy.availableFrom = bounds.from == .min ? nil : bounds.from
    copy.availableUntil = bounds.until == .max ? nil : bounds.until
    return (copy, view.category)
  }

  func copiedFactors() -> ItemFactors? {
    guard let view = factors else { return nil }
    return ItemFactors(
      dimensions: view.dimensions, regularization: view.regularization, confidence: view.confidence,
      gram: Array(view.gram), biases: Array(view.biases), vectors: Array(view.vectors))
  }

  func places(of product: [UInt8]) -> Range<Int> { product.withUnsafeBytes { places(of: $0) } }
}
