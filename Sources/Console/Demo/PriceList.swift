/// What each product of a shop costs: the price that most of its lines so far were booked at, the lower of two as common.
struct PriceList {
  private var counts: [Int32: [Int64: Int]] = [:]

  /// Counts a line; gifts and giveaways have no price.
  mutating func note(product: Int32, unitPence: Int64) {
    guard unitPence > 0 else { return }
    counts[product, default: [:]][unitPence, default: 0] += 1
  }

  /// The price in pence; nil for a product that was only given away.
  func price(of product: Int32) -> Int64? {
    counts[product]?.max { ($0.value, -$0.key) < ($1.value, -$1.key) }?.key
  }
}
