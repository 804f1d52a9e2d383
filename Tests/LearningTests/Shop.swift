@testable import Learning

/// A made-up tenant: two tastes, each customer buying mostly within one of them.
enum Shop {
  static let day = Int64(microsecondsPerDay)
  static let days = 120
  /// After its last act.
  static let end = Int64(days + 2) * day

  /// Purchases of `customers` customers over 120 days from time 0, a few of them given back.
  static func interactions(customers: Int = 60, products: Int = 40, seed: UInt64 = 1) -> Interactions {
    var random = Xoshiro256(seed: seed)
    var rows: [Interactions.Row] = []
    for customer in 0..<customers {
      for _ in 0..<(10 + random.nextIndex(below: 30)) {
        let taste = random.nextUnit() < 0.9 ? customer % 2 : 1 - customer % 2
        let rank = Int(Double(products / 2) * random.nextUnit() * random.nextUnit())
        let time = Int64(random.nextIndex(below: days)) * day + Int64(random.nextIndex(below: 1_000_000))
        let quantity = Int64(1 + random.nextIndex(below: 12))
        let product = Int32(2 * rank + taste)
        rows.append(.init(customer: Int32(customer), product: product, kind: .purchase, time: time, quantity: quantity))
        if random.nextUnit() < 0.05 {
          rows.append(
            .init(customer: Int32(customer), product: product, kind: .giveBack, time: time + day, quantity: quantity))
        }
      }
    }
    return Interactions(customers: customers, products: products, rows: rows)
  }

  static func everything(_ interactions: Interactions) -> [Bool] {
    .init(repeating: true, count: interactions.products)
  }
}

extension TrainedModel {
  /// Trains a recipe as a night does: calibrated by an early fit, fitted to be judged and to serve.
  static func trained(
    _ recipe: Recipe, on interactions: Interactions, segments: CustomerSegments, cuts: Cuts,
    calibrationRows: JudgingRows
  ) throws -> TrainedModel {
    func study(_ cut: Int64) -> Study { Study(interactions.history(through: cut), segments: segments) }
    let early = study(cuts.validation)
    let scorer = Scorer(try recipe.fit(early, seed: 3), recipe: recipe, study: early)
    return TrainedModel(
      judged: JudgedModel(
        recipe: recipe, fit: try recipe.fit(study(cuts.judged), seed: 3),
        calibration: try Calibration(of: scorer, on: calibrationRows)),
      served: try recipe.fit(study(cuts.served), seed: 3))
  }

  /// Judges it on a night's rows.
  func judgement(
    on rows: JudgingRows, of interactions: Interactions, segments: CustomerSegments
  ) throws -> Judgement {
    try judged.judge(on: rows, Study(interactions.history(through: rows.window.after), segments: segments))
  }
}

extension Recipe {
  /// One of each kind that is personal.
  static let personal: [Recipe] = [als, neighbours, ease, stacked]

  /// A stack on one of each other kind.
  static let stacked = Recipe(
    kind: .stack(Stacking(generators: [als, neighbours, ease], trees: nightlyTrees, sliceDays: 28)),
    trendHalfLifeDays: 7)
}
