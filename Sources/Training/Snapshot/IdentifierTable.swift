/// Numbers ids in order of first sight. Ids are compared byte by byte, as the tenant wrote them: text that only looks
/// the same stays apart.
struct IdentifierTable {
  private(set) var ids: [String] = []
  private var numbers: [[UInt8]: Int32] = [:]

  /// The id's number, a new one if it has none yet; nil when numbers have run out.
  mutating func number(of id: String) -> Int32? {
    let bytes = Array(id.utf8)
    if let number = numbers[bytes] { return number }
    guard ids.count < Limits.maximumIndexes else { return nil }
    let number = Int32(ids.count)
    ids.append(id)
    numbers[bytes] = number
    return number
  }

  /// The id's number, if it has one.
  func find(_ id: String) -> Int? { numbers[Array(id.utf8)].map(Int.init) }

  /// Ids in order of their bytes, and where each number went.
  func sorted() -> (ids: [String], rank: [Int32]) {
    let order = ids.indices.sorted { ids[$0].utf8.lexicographicallyPrecedes(ids[$1].utf8) }
    var rank = [Int32](repeating: 0, count: ids.count)
    for (position, number) in order.enumerated() { rank[number] = Int32(position) }
    return (order.map { ids[$0] }, rank)
  }
}
