import Learning

@testable import Training

extension SampleTenant {
  /// What customers of a cinema choose to see, apart from what they think of it.
  enum Selection {
    /// Anything.
    case anything
    /// Nearly only what is made for those like them, whether they will like it or not.
    case ownKind
  }

  /// 150 customers who rate 60 films from 1 to 5 over 200 days. They are of two tastes, which their industry tells, the films of
  /// two genres; whoever meets the genre of their taste rates it higher. Those who choose their own kind do so by something else
  /// that nobody tells.
  static func cinema(_ selection: Selection, seed: UInt64 = 1) -> SampleTenant {
    let (count, films) = (150, 60)
    var tenant = SampleTenant(customers: count, products: films, purchases: 0)
    tenant.products = tenant.products.map { ($0.id, 0, 0) }
    tenant.industries = { $0 % 2 == 0 ? "arts" : "brewing" }
    tenant.categories = { [$0 % 2 == 0 ? "drama" : "comedy"] }
    var random = Xoshiro256(seed: seed)
    for customer in 0..<count {
      let order = (0..<films).shuffled(using: &random)
      let chosen =
        switch selection {
        case .anything: order.prefix(28)
        case .ownKind: order.filter { film in film / 20 == customer / 50 || random.nextUnit() < 0.04 }[...]
        }
      for film in chosen {
        let likes = customer % 2 == film % 2 ? 1.0 : -1.0
        let rating = min(max((3 + likes + random.nextNormal() * 0.6).rounded(), 1), 5)
        tenant.events.append(
          Purchase(
            customer: tenant.customers[customer].id, product: tenant.products[film].id,
            time: Int64(random.nextIndex(below: 200)) * day + Int64(random.nextIndex(below: 1_000)), kind: .rating,
            rating: rating))
      }
    }
    return tenant
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
