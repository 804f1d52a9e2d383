/// The dictionary under construction; no pair of product and offer stands in it twice.
struct CandidateTable {
  private struct Key: Hashable {
    let product: String
    let offer: String?
  }

  private var known: Set<Key> = []
  private var bytes: [UInt8] = []
  private var offsets: [UInt64] = [0]

  var count: Int { offsets.count - 1 }

  mutating func add(product: String, offer: String?) throws(RankedListsError) -> UInt32 {
    guard count < Format.maximumCandidates else { throw .input("more than \(Format.maximumCandidates) candidates") }
    try Format.check(identifier: product, of: "product '\(product)'")
    if let offer { try Format.check(identifier: offer, of: "offer '\(offer)'") }
    guard known.insert(Key(product: product, offer: offer)).inserted else {
      throw .input("product '\(product)' with offer '\(offer ?? "none")' is added twice")
    }
    bytes.append(UInt8(product.utf8.count))
    bytes.append(UInt8(offer?.utf8.count ?? 0))
    bytes.append(contentsOf: product.utf8)
    bytes.append(contentsOf: (offer ?? "").utf8)
    offsets.append(UInt64(bytes.count))
    return UInt32(count - 1)
  }

  var encoded: [UInt8] { Format.encode(offsets) + bytes }
}
