@testable import Learning

/// A made-up tenant whose customers rate films from 1 to 5: each customer is of one of two tastes, as the "taste" that is known of
/// them says, each film of one of two genres, and whoever meets the genre of their taste rates it higher.
enum Cinema {
  static let day = Int64(microsecondsPerDay)
  static let customers = 120
  static let products = 60
  static let days = 120
  static let end = Int64(days + 2) * day

  static let attributes = EntityAttributes(
    customers: [EntityAttribute(names: ["taste=a", "taste=b"], ofEntity: (0..<customers).map { Int32($0 % 2) })],
    products: [EntityAttribute(names: ["genre=a", "genre=b"], ofEntity: (0..<products).map { Int32($0 % 2) })])

  /// What a customer would give a film, but for the noise.
  static func truth(_ customer: Int, _ product: Int) -> Double {
    3 + (customer % 2 == product % 2 ? 1 : -1) + Double(product % 5) * 0.2 - 0.4
  }

  /// 25 films each, at random times.
  static func interactions(seed: UInt64 = 1) -> Interactions {
    var random = Xoshiro256(seed: seed)
    var rows: [Interactions.Row] = []
    for customer in 0..<customers {
      for product in (0..<products).shuffled(using: &random).prefix(25) {
        let time = Int64(random.nextIndex(below: days)) * day + Int64(random.nextIndex(below: 1_000_000))
        let rating = min(max((truth(customer, product) + random.nextNormal() * 0.5).rounded(), 1), 5)
        rows.append(
          .init(customer: Int32(customer), product: Int32(product), kind: .rating, time: time, rating: rating))
      }
    }
    return Interactions(customers: customers, products: products, rows: rows)
  }

  static func study(
    _ interactions: Interactions, through cut: Int64, _ attributes: EntityAttributes = attributes
  ) -> Study {
    Study(interactions.history(through: cut), segments: .none(customers: customers), attributes: attributes)
  }
}

extension Recipe {
  /// Rating models that are fitted in no time.
  static let quickMachine = Recipe(
    kind: .rating(.fm(FactorisationMachine(factors: 3, samples: 16, burnIn: 8), kept: 4), trendWeight: 1),
    trendHalfLifeDays: 7)
  static let quickFactorisation = Recipe(
    kind: .rating(.mf(BiasedFactorisation(factors: 4, regularisation: 0.1, rate: 0.03, epochs: 15)), trendWeight: 1),
    trendHalfLifeDays: 7)
}
