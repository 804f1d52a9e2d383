import Foundation

/// What had happened up to a cut: the only door through which a fit, a fold-in or a list sees interactions.
///
/// Rows after the cut cannot be reached from here, so what is made of a history has not seen them.
public struct History: Sendable {
  /// The interactions of all time; only rows below `count` belong to this history.
  private let interactions: Interactions
  /// Number of rows up to the cut.
  public let count: Int
  /// Latest business time in it, µs, inclusive.
  public let cut: Int64

  /// Number of customers, with or without rows.
  public var customers: Int { interactions.customers }
  /// Number of products, with or without rows.
  public var products: Int { interactions.products }

  init(of interactions: Interactions, through cut: Int64) {
    self.interactions = interactions
    self.cut = cut
    count = interactions.firstRow(after: cut)
  }

  /// What had happened up to an earlier cut, µs.
  func before(_ earlier: Int64) -> History {
    precondition(earlier <= cut, "a history holds nothing after its cut")
    return History(of: interactions, through: earlier)
  }

  /// One of its acts, in order of time.
  func act(_ row: Int) -> Interactions.Row {
    precondition(row < count, "an act lies after the cut")
    return Interactions.Row(
      customer: interactions.customer[row], product: interactions.product[row], kind: interactions.kind[row],
      time: interactions.time[row], quantity: interactions.quantity[row], revenue: interactions.revenue[row],
      rating: interactions.rating[row])
  }

  /// Numbers of its acts by customer, each customer's in order of time, and where each customer's start. Complexity: O(n).
  func actsByCustomer() -> (rows: [UInt32], offsets: [Int]) {
    (0..<UInt32(count)).map { $0 }.countingSorted(by: interactions.customer[..<count], keys: customers)
  }

  /// Its acts in order of time.
  var acts: some Sequence<Interactions.Row> { (0..<count).lazy.map(act) }

  /// Which products each customer has ever bought, returned or not. Complexity: O(n · log of the longest history).
  public func purchases() -> PairSets {
    PairSets(
      rows: customers, columns: products,
      pairs: (0..<count).lazy.filter { interactions.kind[$0] == .purchase }.map {
        (interactions.customer[$0], interactions.product[$0])
      })
  }

  /// Which products each customer has ever had: bought, returned or not, or rated. Complexity: as `purchases`.
  public func possessions() -> PairSets { possessions(ratedFrom: -.infinity) }

  /// Which products each customer has come to like: bought, or rated at `meanRating` or above; and which they have had in any
  /// way, those rated lower included. Complexity: O(n log n).
  func likings(meanRating: Double) -> (liked: PairSets, had: PairSets) {
    let had = possessions()
    return (interactions.hasRatings ? possessions(ratedFrom: meanRating) : had, had)
  }

  private func possessions(ratedFrom least: Double) -> PairSets {
    let rows = (0..<count).lazy.filter { row in
      interactions.kind[row] == .purchase || interactions.kind[row] == .rating && interactions.rating[row] >= least
    }
    return PairSets(
      rows: customers, columns: products, pairs: rows.map { (interactions.customer[$0], interactions.product[$0]) })
  }

  /// Which customers have at least one act. Complexity: O(n + customers).
  public func isActive() -> [Bool] {
    var isActive = [Bool](repeating: false, count: customers)
    for customer in interactions.customer[..<count] { isActive[Int(customer)] = true }
    return isActive
  }

  /// Weight of each customer's interest in each product, [customers × products].
  ///
  /// w = Σ over acts of weight(kind) · log₂(1 + units) · 2^(−age / half-life). A return takes back the customer's latest
  /// units of the product first; a purchase taken back whole adds nothing. A rating counts when it is not below the tenant's
  /// mean. Pairs without weight are absent. Complexity: O(n), 8 bytes a row beside the result.
  ///
  /// - Parameter halfLifeDays: days in which an act loses half its weight; 0 = it never does.
  public func interest(halfLifeDays: Double) -> SparseMatrix {
    let meanRating = meanRating()
    var builder = SparseMatrix.Builder(rows: customers, columns: products)
    var open: [(units: Int64, row: Int)] = []
    let (rows, offsets) = rowsByCustomer()
    rows.withUnsafeBufferPointer { rows in
      for customer in 0..<customers {
        var start = offsets[customer]
        while start < offsets[customer + 1] {
          let product = interactions.product[Int(rows[start])]
          var end = start
          var weight = 0.0
          open.removeAll(keepingCapacity: true)
          while end < offsets[customer + 1], interactions.product[Int(rows[end])] == product {
            let row = Int(rows[end])
            end += 1
            switch interactions.kind[row] {
            case .purchase: open.append((max(1, interactions.quantity[row]), row))
            case .giveBack: Self.takeBack(max(1, interactions.quantity[row]), from: &open)
            case .rating:
              weight += interactions.rating[row] >= meanRating ? self.weight(of: row, units: 1, halfLifeDays) : 0
            default: weight += self.weight(of: row, units: max(1, interactions.quantity[row]), halfLifeDays)
            }
          }
          for purchase in open { weight += self.weight(of: purchase.row, units: purchase.units, halfLifeDays) }
          if weight > 0 { builder.add(column: product, value: Float(weight)) }
          start = end
        }
        builder.finishRow()
      }
    }
    return builder.build()
  }

  /// Weight of a row: kind × log₂(1 + units) × decay.
  private func weight(of row: Int, units: Int64, _ halfLifeDays: Double) -> Double {
    interactions.kind[row].weight * log2(1 + Double(units)) * decay(of: row, halfLifeDays: halfLifeDays)
  }

  /// 2^(−age / half-life), age counted from the cut.
  private func decay(of row: Int, halfLifeDays: Double) -> Double {
    guard halfLifeDays > 0 else { return 1 }
    return exp2(-Double(cut - interactions.time[row]) / (halfLifeDays * microsecondsPerDay))
  }

  /// Takes `units` back from the latest purchases.
  private static func takeBack(_ units: Int64, from open: inout [(units: Int64, row: Int)]) {
    var left = units
    while left > 0, let last = open.last {
      if last.units > left {
        open[open.count - 1].units -= left
        return
      }
      left -= last.units
      open.removeLast()
    }
  }

  /// Of all ratings that a scale may hold; 0 where there are none.
  func meanRating() -> Double {
    var sum = 0.0
    var ratings = 0
    for row in 0..<count where interactions.kind[row] == .rating && RatingScale.admits(interactions.rating[row]) {
      sum += interactions.rating[row]
      ratings += 1
    }
    return ratings == 0 ? 0 : sum / Double(ratings)
  }

  /// All rows by customer, then product, then time, and where each customer's start: two passes of a counting sort.
  private func rowsByCustomer() -> (rows: [UInt32], offsets: [Int]) {
    let byProduct = (0..<UInt32(count)).map { $0 }.countingSorted(by: interactions.product[..<count], keys: products)
      .rows
    return byProduct.countingSorted(by: interactions.customer[..<count], keys: customers)
  }

  /// Decayed number of purchases of each product, and of ratings not below the tenant's mean, overall and by each group of customers: [products] and [groups × products].
  ///
  /// - Parameter group: each customer's group, -1 = none; not looked at where there are no groups.
  func decayedSales(halfLifeDays: Double, group: [Int32], groups: Int) -> (overall: [Float], groups: [[Float]]) {
    var overall = [Double](repeating: 0, count: products)
    var byGroup = [[Double]](repeating: overall, count: groups)
    let meanRating = meanRating()
    for row in 0..<count {
      let isLiked = interactions.kind[row] == .rating && interactions.rating[row] >= meanRating
      guard interactions.kind[row] == .purchase || isLiked else { continue }
      let product = Int(interactions.product[row])
      let amount = decay(of: row, halfLifeDays: halfLifeDays)
      overall[product] += amount
      guard groups > 0 else { continue }
      let group = Int(group[Int(interactions.customer[row])])
      if group >= 0 { byGroup[group][product] += amount }
    }
    return (overall.map { Float($0) }, byGroup.map { $0.map { Float($0) } })
  }
}

/// Microseconds in a day.
public let microsecondsPerDay = 86_400e6
