/// The ratings of each entity of one side, users or items: which residuals are theirs, and whom of the other side they join.
///
/// Residuals are kept in order of users, then time, so that users' passes read them one after another.
struct RatingLists {
  /// Start of each entity's ratings in `slot` and `other`; one more than there are entities.
  let offsets: [Int]
  /// Number of each rating's residual.
  let slot: [Int32]
  /// The other side's entity.
  let other: [Int32]

  /// What the residuals owe since the last pass, and the next parameters, for each entity of the other side: constant,
  /// step, q, q². A residual still has to lose constant + step · p, with p of its own entity.
  typealias Entry = SIMD4<Float>

  /// Sums of an entity's ratings: the other side's Q and Q², residual and residual · Q.
  struct Sums {
    var other = 0.0
    var otherSquare = 0.0
    var residual = 0.0
    var residualOther = 0.0
  }

  /// Both sides of the ratings; `order` has the number of the rating that each residual belongs to.
  static func both(_ ratings: Observations) -> (users: RatingLists, items: RatingLists, order: [Int]) {
    precondition(ratings.count <= Int32.max, "more ratings than residuals can be numbered")
    let byTime = (0..<ratings.count).sorted { (ratings.time[$0], $0) < (ratings.time[$1], $1) }
    let (order, userOffsets) = byTime.countingSorted(by: ratings.user[...], keys: ratings.users)
    let user = order.map { ratings.user[$0] }
    let item = order.map { ratings.item[$0] }
    let (slots, itemOffsets) = Array(0..<ratings.count).countingSorted(by: item[...], keys: ratings.items)
    return (
      RatingLists(offsets: userOffsets, slot: Array(0..<Int32(ratings.count)), other: item),
      RatingLists(offsets: itemOffsets, slot: slots.map { Int32($0) }, other: slots.map { user[$0] }), order
    )
  }

  /// Number of ratings of an entity.
  func count(_ entity: Int) -> Int { offsets[entity + 1] - offsets[entity] }

  /// Σ residuals of an entity's ratings.
  func sum(of entity: Int, _ residual: [Float]) -> Double {
    slot[offsets[entity]..<offsets[entity + 1]].reduce(0) { $0 + Double(residual[Int($1)]) }
  }

  /// Settles what the residuals owe, and sums each entity's up into `sums`.
  ///
  /// - Parameters:
  ///   - entries: of each entity of the other side.
  ///   - own: p of each entity.
  ///   - residual: rating − prediction, by slot.
  func gather(_ entries: [Entry], own: [Double], residual: inout [Float], into sums: inout [Sums]) {
    let (offsets, slot, other) = (offsets.span, self.slot.span, self.other.span)
    let entries = entries.span
    var residual = residual.mutableSpan
    for entity in own.indices {
      let p = Float(own[entity])
      // Few enough a block for Float to add up; blocks are added in Double.
      var total = Sums()
      var start = offsets[entity]
      while start < offsets[entity + 1] {
        let end = min(start + Self.block, offsets[entity + 1])
        var (squares, residuals, products) = (Entry.zero, Float(0), Float(0))
        for position in start..<end {
          let entry = entries[unchecked: Int(other[unchecked: position])]
          let place = Int(slot[unchecked: position])
          let rest = residual[unchecked: place] - entry.x - entry.y * p
          residual[unchecked: place] = rest
          squares += entry
          residuals += rest
          products += rest * entry.z
        }
        total.other += Double(squares.z)
        total.otherSquare += Double(squares.w)
        total.residual += Double(residuals)
        total.residualOther += Double(products)
        start = end
      }
      sums[entity] = total
    }
  }

  private static let block = 256
}
