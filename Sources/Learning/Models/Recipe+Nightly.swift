extension Recipe {
  /// The standing candidate.
  public static let popularity = Recipe(kind: .popularity, trendHalfLifeDays: 7)

  /// Factors. Chosen on slices of the Online Retail data before September 2011, on RMSE and NDCG@10; the others likewise on
  /// slices that reach into November, among which a night chooses by its own.
  public static let als = als(halfLifeDays: 60)
  /// Item-item neighbours.
  public static let neighbours = similarity(.bm25, neighbours: 100, halfLifeDays: 15, trendWeight: 1)
  /// Steck's linear model.
  public static let ease = similarity(.ease(regularisation: 30), neighbours: 256, halfLifeDays: 30, trendWeight: 2)

  /// What a night tries beside popularity, the likeliest first: three families, each with several parameters.
  public static let nightly: [Recipe] = nightly(als: als, als(halfLifeDays: 30))

  /// The same for a catalogue of so many products. Half the factors tell a small one's tastes: of 300 products the night's
  /// winners ranked no worse with 32 than with 64.
  public static func nightly(products: Int) -> [Recipe] {
    products > smallCatalogue
      ? nightly
      : nightly(als: als(halfLifeDays: 60, factors: smallFactors), als(halfLifeDays: 30, factors: smallFactors))
  }

  /// Products of a small catalogue at most.
  private static let smallCatalogue = 500
  private static let smallFactors = 32

  private static func nightly(als: Recipe, _ fadingALS: Recipe) -> [Recipe] {
    [
      als, neighbours, ease, fadingALS,
      similarity(.bm25, neighbours: 30, halfLifeDays: 30, trendWeight: 2),
      similarity(.cosine, neighbours: 100, halfLifeDays: 30, trendWeight: 2),
      similarity(.ease(regularisation: 100), neighbours: 256, halfLifeDays: 60, trendWeight: 2),
    ]
  }

  /// How the second stage of the stack is grown that joins a night's race. Chosen on three slices of the Online Retail data
  /// before October 2011, among which more and deeper trees differed by less than chance.
  public static let nightlyTrees = BoostedTrees.Settings(trees: 40, depth: 3, learningRate: 0.1, isPairwise: false)

  /// A stack on what is personal; nil where there is nothing to stand on.
  init?(stacking generators: [Recipe], trees: BoostedTrees.Settings, sliceDays: Int) {
    guard !generators.isEmpty else { return nil }
    self.init(
      kind: .stack(Stacking(generators: generators, trees: trees, sliceDays: sliceDays)),
      trendHalfLifeDays: Self.popularity.trendHalfLifeDays)
  }

  private static func als(halfLifeDays: Double, factors: Int = 64) -> Recipe {
    Recipe(
      kind: .als(
        ImplicitALS(factors: factors, regularisation: 10, alpha: 1, iterations: 6), halfLifeDays: halfLifeDays,
        trendWeight: 2),
      trendHalfLifeDays: 7)
  }

  private static func similarity(
    _ method: ItemSimilarity.Method, neighbours: Int, halfLifeDays: Double, trendWeight: Double
  ) -> Recipe {
    Recipe(
      kind: .similarity(
        ItemSimilarity(method, neighbours: neighbours), halfLifeDays: halfLifeDays, trendWeight: trendWeight),
      trendHalfLifeDays: 7)
  }
}
