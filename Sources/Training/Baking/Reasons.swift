import Learning
import RankedLists

/// Says why a product stands in a customer's list, from what is known beside the model's score: what the customer bought that
/// others bought with it, or what is popular where the customer belongs.
struct Reasons {
  /// Similarity below which two products have little to do with each other.
  static let leastSimilarity: Float = 0.1
  /// Places of a fallback list that count as popular.
  static let popularPlaces = 20

  /// By product: the candidates that it speaks for, and how strongly.
  private let spokenFor: [[(candidate: UInt32, similarity: Float)]]
  /// Index in the dictionary, by product; nil = it is not in the dictionary.
  private let candidate: [UInt32?]
  private let overall: Set<UInt32>
  private let segments: [Set<UInt32>]
  private let regions: [Set<UInt32>]
  /// By candidate, while a customer is looked at: the strongest similarity to what they bought, 0 = none, and to what.
  private var strongest: [Float]
  private var because: [UInt32]

  /// The fallback lists of each group, best first.
  init(
    _ similar: SimilarProducts, candidate: [UInt32?], overall: [RankedEntry], segments: [[RankedEntry]],
    regions: [[RankedEntry]]
  ) {
    func popular(_ list: [RankedEntry]) -> Set<UInt32> { Set(list.prefix(Self.popularPlaces).map(\.candidate)) }
    spokenFor = candidate.indices.map { product in
      similar[product].filter { $0.similarity >= Self.leastSimilarity }.compactMap { neighbour in
        candidate[neighbour.product].map { (candidate: $0, similarity: neighbour.similarity) }
      }
    }
    self.candidate = candidate
    self.overall = popular(overall)
    self.segments = segments.map(popular)
    self.regions = regions.map(popular)
    strongest = [Float](repeating: 0, count: candidate.count)
    because = [UInt32](repeating: 0, count: candidate.count)
  }

  /// A reason, or none, for each entry. `segment`, `region`: indexes of the customer's, −1 = none.
  ///
  /// Complexity: O(bought products · neighbours).
  mutating func of(_ list: [RankedEntry], bought: ArraySlice<Int32>, segment: Int32, region: Int32) -> [ListReason?] {
    for product in bought {
      guard let reason = candidate[Int(product)] else { continue }
      for (listed, similarity) in spokenFor[Int(product)] where similarity > strongest[Int(listed)] {
        strongest[Int(listed)] = similarity
        because[Int(listed)] = reason
      }
    }
    let reasons = list.map { entry -> ListReason? in
      let listed = Int(entry.candidate)
      if strongest[listed] > 0 { return ListReason(.boughtWith, candidate: because[listed]) }
      if segment >= 0, segments[Int(segment)].contains(entry.candidate) { return ListReason(.popularInSegment) }
      if region >= 0, regions[Int(region)].contains(entry.candidate) { return ListReason(.popularInRegion) }
      return overall.contains(entry.candidate) ? ListReason(.popular) : nil
    }
    for product in bought {
      for (listed, _) in spokenFor[Int(product)] { strongest[Int(listed)] = 0 }
    }
    return reasons
  }
}
