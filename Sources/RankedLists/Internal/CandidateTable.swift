/// The dictionary under construction; no pair of product and offer stands in it twice.
struct CandidateTable {
  /// By their bytes as the file has them: Swift takes texts that only look alike for equal.
  private var known: Set<ArraySlice<UInt8>> = []
  private var bytes: [UInt8] = []
  private var offsets: [UInt64] = [0]

  var count: Int { offsets.count - 1 }

  mutating func add(product: String, offer: String?) throws(RankedListsError) -> UInt32 {
    guard count < Format.maximumCandidates else { throw .input("more than \(Format.maximumCandidates) candidates") }
    try Format.check(identifier: product, of: "product '\(product)'")
    if let offer { try Format.check(identifier: offer, of: "offer '\(offer)'") }
    let item =
      [UInt8(product.utf8.count), UInt8(offer?.utf8.count ?? 0)] + Array(product.utf8) + Array((offer ?? "").utf8)
    guard known.insert(item[...]).inserted else {
      throw .input("product '\(product)' with offer '\(offer ?? "none")' is added twice")
    }
    bytes += item
    offsets.append(UInt64(bytes.count))
    return UInt32(count - 1)
  }

  var encoded: [UInt8] { Format.encode(offsets) + bytes }

  /// The candidates by the bytes of product and offer.
  var order: [UInt8] {
    let keyed = (0..<UInt32(count)).map { (key: key($0), index: $0) }
    let ordered = keyed.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    return ordered.flatMap { entry in withUnsafeBytes(of: entry.index.littleEndian) { Array($0) } }
  }

  /// NUL, which no id holds, between the two: a product as such comes before its offers.
  private func key(_ index: UInt32) -> [UInt8] {
    let item = bytes[Int(offsets[Int(index)])..<Int(offsets[Int(index) + 1])]
    let product = item.dropFirst(Format.candidateHeadBytes).prefix(Int(item.first ?? 0))
    return product + [0] + item.dropFirst(Format.candidateHeadBytes + product.count)
  }
}
