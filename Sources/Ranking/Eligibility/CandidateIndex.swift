import Commerce
import RankedLists

/// Finds candidates by product and by category, for what is worked out once for each lists file.
struct CandidateIndex {
  private let byProduct: [[UInt8]: [UInt32]]
  private let byCategory: [String: [UInt32]]

  /// Complexity: O(bytes of the dictionary).
  init(_ lists: RankedLists) {
    var byProduct: [[UInt8]: [UInt32]] = [:]
    var byCategory: [String: [UInt32]] = [:]
    for candidate in 0..<UInt32(lists.candidateCount) {
      let product = lists.candidate(candidate).product.withUnsafeBytes { Array($0) }
      byProduct[product, default: []].append(candidate)
      for category in lists.details(candidate)?.categories ?? [] { byCategory[category, default: []].append(candidate) }
    }
    self.byProduct = byProduct
    self.byCategory = byCategory
  }

  /// The candidates of a product, itself and its offers.
  func candidates(of product: String) -> [UInt32] { byProduct[Array(product.utf8)] ?? [] }

  /// What a block names.
  func candidates(of block: Overlay.Block) -> Set<UInt32> {
    Set(block.products.flatMap { candidates(of: $0.rawValue) } + block.categories.flatMap { byCategory[$0] ?? [] })
  }
}
