import Foundation
import Learning

/// What made-up customers want: some products much more than others, and each customer mostly those of one taste.
struct Demand {
  private let products: Int
  private let tastes: Int

  /// Product p is of taste p mod 20, and the more popular the lower its index.
  private static let mostTastes = 20
  private static let loyalty = 0.7
  /// Share of demand that goes to the first share q of products: q^(1 / skew).
  private static let skew = 2.5

  init(products: Int) {
    self.products = products
    tastes = min(Self.mostTastes, products)
  }

  /// A product for a customer.
  func product(for customer: Int, _ random: inout Xoshiro256) -> Int {
    let taste = random.nextUnit() < Self.loyalty ? customer % tastes : random.nextIndex(below: tastes)
    let rank = Int(Double(products / tastes) * pow(random.nextUnit(), Self.skew))
    return rank * tastes + taste
  }
}
