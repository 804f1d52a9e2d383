/// What a rating is likely to be by who gives it and to what, whatever their taste: μ + bᵤ + bᵢ.
///
/// Source: Koren, "Factor in the neighbors: scalable and accurate collaborative filtering", ACM TKDD 4 (2010), section 2.1.
struct RatingBaseline: Sendable {
  private let mean: Double
  private var customers: [Double]
  private var products: [Double]

  /// Ratings at the mean that each product, and customer, is drawn to it by.
  private static let productPrior = 10.0
  private static let customerPrior = 15.0

  /// Reckons ratings up. Complexity: O(ratings).
  init(_ ratings: Observations) {
    let mean = ratings.value.reduce(0, +) / Double(max(1, ratings.count))
    self.mean = mean
    let rests = ratings.value.map { $0 - mean }
    let products = Self.drawn(rests, by: ratings.item, count: ratings.items, prior: Self.productPrior)
    self.products = products
    customers = Self.drawn(
      zip(rests, ratings.item).map { $0 - products[Int($1)] }, by: ratings.user, count: ratings.users,
      prior: Self.customerPrior)
  }

  /// The likely rating.
  func rating(customer: Int, product: Int) -> Double { mean + customers[customer] + products[product] }

  private static func drawn(_ rests: [Double], by entity: [Int32], count: Int, prior: Double) -> [Double] {
    var sums = [Double](repeating: 0, count: count)
    var counts = sums
    for (rest, entity) in zip(rests, entity) {
      sums[Int(entity)] += rest
      counts[Int(entity)] += 1
    }
    return zip(sums, counts).map { $0 / ($1 + prior) }
  }
}
