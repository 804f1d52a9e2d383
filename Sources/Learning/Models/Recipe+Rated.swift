extension Recipe {
  /// The factorisation machine. The samples kept are few: on MovieLens 100k, fold u1, with attributes, six tell ratings with an
  /// RMSE of 0.905, all sixty with 0.903 and one with 0.920. The weight of the trend is what ranks well on later months.
  public static let machine = machine(trendWeight: 4)
  /// Biased matrix factorisation.
  public static let factorisation = Recipe(
    kind: .rating(.mf(BiasedFactorisation(factors: 16, regularisation: 0.1, rate: 0.02, epochs: 30)), trendWeight: 4),
    trendHalfLifeDays: 7)

  /// What a night tries besides where RMSE is of ratings, the likeliest first.
  public static let rated: [Recipe] = [machine, factorisation, machine(trendWeight: 2)]

  private static func machine(trendWeight: Double) -> Recipe {
    Recipe(
      kind: .rating(.fm(FactorisationMachine(factors: 8, samples: 60, burnIn: 20), kept: 6), trendWeight: trendWeight),
      trendHalfLifeDays: 7)
  }
}
