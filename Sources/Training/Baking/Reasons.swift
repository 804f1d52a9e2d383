import Learning
import RankedLists

/// Says why a product stands in a customer's list, from what is known beside the model's score: what the customer bought that
/// others bought with it, or what is popular where the customer belongs.
struct Reasons {
  /// Similarity below which two products have little to do with each other.
  static let leastSimilarity: Float = 0.1
  /// Places of a fallback list that count as popular.
  static let popularPlaces = 20

  private let similar: SimilarProducts
  /// Index in the dictionary, by product; nil = it is not in the dictionary.
  private let candidate: [UInt32?]
  private let overall: Set<UInt32>
  private let segments: [Set<UInt32>]
  private let regions: [Set<UInt32>]

  /// The fallback lists of each group, best first.
  init(
    _ similar: SimilarProducts, candidate: [UInt32?], overall: [RankedEntry], segments: [[RankedEntry]],
    regions: [[RankedEntry]]
  ) {
    func popular(_ list: [RankedEntry]) -> Set<UInt32> { Set(list.prefix(Self.popularPlaces).map(\.candidate)) }
    self.similar = similar
    self.candidate = candidate
    self.overall = popular(overall)
    self.segments = segments.map(popular)
    self.regions = regions.map(popular)
  }

  /// A reason, or none, for each entry. `segment`, `region`: indexes of the customer's, −1 = none.
  ///
  /// Complexity: O(bought products · neighbours).
  func of(_ list: [RankedEntry], bought: ArraySlice<Int32>, segment: Int32, region: Int32) -> [ListReason?] {
    var because: [UInt32: (similarity: Float, candidate: UInt32)] = [:]
    for product in bought {
      guard let reason = candidate[Int(product)] else { continue }
      for neighbour in similar[Int(product)] where neighbour.similarity >= Self.leastSimilarity {
        guard let listed = candidate[neighbour.product] else { continue }
        if neighbour.similarity > because[listed]?.similarity ?? 0 { because[listed] = (neighbour.similarity, reason) }
      }
    }
    return list.map { entry in
      if let because = because[entry.candidate] { return ListReason(.boughtWith, candidate: because.candidate) }
      if segment >= 0, segments[Int(segment)].contains(entry.candidate) { return ListReason(.popularInSegment) }
      if region >= 0, regions[Int(region)].contains(entry.candidate) { return ListReason(.popularInRegion) }
      return overall.contains(entry.candidate) ? ListReason(.popular) : nil
    }
  }
}
