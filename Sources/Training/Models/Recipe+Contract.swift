import Learning
import Messages

extension Recipe {
  private static let maximumFactors: UInt32 = 1_024
  private static let maximumIterations: UInt32 = 1_000

  /// Reads the contract's message. Throws `champion` for what this trainer cannot make or score.
  init(validating view: View<Proto.Recipe>) throws(TrainingError) {
    let trend = try Self.number(view.trend_half_life_days, "trend_half_life_days")
    switch view.name {
    case "popularity":
      self.init(kind: .popularity, trendHalfLifeDays: trend)
    case "als":
      let regularisation = try Self.number(view.regularisation, "regularisation")
      guard (1...Self.maximumFactors).contains(view.factors), regularisation > 0,
        (1...Self.maximumIterations).contains(view.iterations)
      else { throw .champion("its recipe's factors, regularisation or iterations are out of range") }
      let als = ImplicitALS(
        factors: Int(view.factors), regularisation: regularisation, alpha: try Self.number(view.alpha, "alpha"),
        iterations: Int(view.iterations))
      self.init(
        kind: .als(
          als, halfLifeDays: try Self.number(view.half_life_days, "half_life_days"),
          trendWeight: try Self.number(view.trend_weight, "trend_weight")),
        trendHalfLifeDays: trend)
    case let name:
      throw .champion("its recipe '\(name)' is not known to this trainer")
    }
  }

  /// Writes the contract's message.
  func fill(_ draft: Draft<Proto.Recipe>) {
    draft.name = name
    draft.trend_half_life_days = trendHalfLifeDays
    guard case .als(let als, let halfLifeDays, let trendWeight) = kind else { return }
    draft.factors = UInt32(als.factors)
    draft.regularisation = als.regularisation
    draft.alpha = als.alpha
    draft.iterations = UInt32(als.iterations)
    draft.half_life_days = halfLifeDays
    draft.trend_weight = trendWeight
  }

  private static func number(_ value: Double, _ field: String) throws(TrainingError) -> Double {
    guard value.isFinite, value >= 0 else { throw .champion("its recipe's \(field) is \(value)") }
    return value
  }
}
