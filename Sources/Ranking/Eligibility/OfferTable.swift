import RankedLists

/// Which candidates of a lists file are of one product: the product as such, and its offers.
///
/// A list speaks of products, whichever candidate of a product it names: an offer has its product's place and score, and an answer
/// names each product once, under the first of its offers (in the order of the dictionary) that holds at the moment and is made
/// through the channel asked for; where there is none, as such.
struct OfferTable: Sendable {
  private static let noOffers: ArraySlice<UInt32> = []

  /// Candidates before the offers at the end of the dictionary: every product as such, as our bake writes it.
  let products: Int
  /// By candidate: the product as such, or, where the file has none, the first of its offers.
  private let heads: [UInt32]
  /// Offers by product, and where each product's begin, by its head.
  private let offers: [UInt32]
  private let starts: [UInt32: Range<Int>]

  /// Nil where no candidate is an offer. Complexity: O(bytes of the dictionary).
  init?(_ lists: RankedLists) {
    let all = 0..<UInt32(lists.candidateCount)
    let isOffer = all.map { lists.candidate($0).offer.byteCount > 0 }
    guard isOffer.contains(true) else { return nil }
    var heads: [[UInt8]: UInt32] = [:]
    for kind in [false, true] {
      for candidate in all where isOffer[Int(candidate)] == kind {
        let product = Self.product(of: candidate, in: lists)
        if heads[product] == nil { heads[product] = candidate }
      }
    }
    var byHead: [UInt32: [UInt32]] = [:]
    self.heads = all.map { candidate in
      let head = heads[Self.product(of: candidate, in: lists)] ?? candidate
      if isOffer[Int(candidate)] { byHead[head, default: []].append(candidate) }
      return head
    }
    var offers: [UInt32] = []
    starts = byHead.mapValues { own in
      defer { offers += own }
      return offers.count..<offers.count + own.count
    }
    self.offers = offers
    products = all.count - isOffer.reversed().prefix { $0 }.count
  }

  private static func product(of candidate: UInt32, in lists: RankedLists) -> [UInt8] {
    lists.candidate(candidate).product.withUnsafeBytes { Array($0) }
  }

  /// The candidate that stands for the product of a candidate.
  func head(of candidate: UInt32) -> UInt32 { heads[Int(candidate)] }

  /// The offers of the product that a candidate stands for, the one to be named first before the others.
  func offers(of head: UInt32) -> ArraySlice<UInt32> {
    starts[head].map { offers[$0] } ?? Self.noOffers
  }
}
