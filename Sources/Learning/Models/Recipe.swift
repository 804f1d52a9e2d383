/// How a model is made and how it scores: its kind and parameters, without anything learned.
public struct Recipe: Hashable, Sendable {
  /// The kinds of models.
  ///
  /// Where a kind is personal, its score is standardised over the catalogue and `trendWeight` log shares of sales are
  /// added. Standardising makes the scores of large and small customers comparable, which a common calibration needs; the
  /// trend carries what a whole year cannot, that the catalogue turns with the season.
  public enum Kind: Hashable, Sendable {
    /// A customer's score for a product is the log share of sales in the customer's segment.
    case popularity
    /// A customer's score is the factors' xᵤᵀyᵢ.
    case als(ImplicitALS, halfLifeDays: Double, trendWeight: Double)
    /// A customer's score is their interest in each product times what it says of the others.
    case similarity(ItemSimilarity, halfLifeDays: Double, trendWeight: Double)
    /// A customer's score is the rating that they are likely to give.
    case rating(RatingModel, trendWeight: Double)
    /// A customer's score is that of the second stage where a generator names the product; every other product stands behind.
    case stack(Stacking)
  }

  /// Its kind, with the kind's parameters.
  public let kind: Kind
  /// Days in which a sale loses half its weight in popularity; 0 = it never does.
  public let trendHalfLifeDays: Double

  /// Version of the definitions of interest, popularity and scores in this room; it grows when any of them changes.
  public static let featureVersion: UInt32 = 1

  /// A recipe with parameters of its own.
  public init(kind: Kind, trendHalfLifeDays: Double) {
    self.kind = kind
    self.trendHalfLifeDays = trendHalfLifeDays
  }

  /// The family's name: "popularity", "als", "knn", "ease", "mf", "fm" or "stack".
  public var name: String {
    switch kind {
    case .popularity: "popularity"
    case .als: "als"
    case .similarity(let similarity, _, _):
      if case .ease = similarity.method { "ease" } else { "knn" }
    case .rating(let model, _): model.name
    case .stack: "stack"
    }
  }

  /// Learns from a history, and from nothing after its cut.
  ///
  /// Throws `cancelled` if the task is cancelled meanwhile, `tooLarge` for a catalogue beyond the kind's memory.
  public func fit(_ study: Study, seed: UInt64) throws(LearningError) -> Fit {
    let popularity = study.popularity(halfLifeDays: trendHalfLifeDays)
    switch kind {
    case .popularity: return Fit(cut: study.history.cut, popularity: popularity)
    case .als(let als, let halfLifeDays, _):
      return Fit(
        cut: study.history.cut, popularity: popularity,
        factors: try als.fit(study.interest(halfLifeDays: halfLifeDays), seed: seed))
    case .similarity(let similarity, let halfLifeDays, _):
      return Fit(
        cut: study.history.cut, popularity: popularity,
        similarities: try similarity.fit(similarity.taken(study.interest(halfLifeDays: halfLifeDays))))
    case .rating(let model, _):
      let (products, rating) = try model.fit(study, seed: seed)
      return Fit(cut: study.history.cut, popularity: popularity, factors: products, rating: rating)
    case .stack(let stacking):
      let (trees, generators) = try stacking.fit(study, seed: seed)
      return Fit(cut: study.history.cut, popularity: popularity, generators: generators, trees: trees)
    }
  }

  /// Latent factors, or other numbers, that a fit keeps of a product; 0 where the kind has none.
  public var factors: Int {
    switch kind {
    case .popularity, .similarity, .stack: 0
    case .als(let als, _, _): als.factors
    case .rating(let model, _): model.columns
    }
  }

  /// The stack that it is; nil = it is none.
  public var stacking: Stacking? {
    if case .stack(let stacking) = kind { stacking } else { nil }
  }

  /// What a call is re-ranked by: a stack's best generator, else the recipe itself.
  public var reranking: Recipe { stacking?.generators[0] ?? self }

  /// Whether its fit hangs on the seed.
  var isByChance: Bool {
    switch kind {
    case .als, .rating, .stack: true
    case .popularity, .similarity: false
    }
  }

  /// Half-life of the interest that it learns from; nil = none, or its generators'.
  var halfLifeDays: Double? {
    switch kind {
    case .popularity, .rating, .stack: nil
    case .als(_, let halfLifeDays, _), .similarity(_, let halfLifeDays, _): halfLifeDays
    }
  }

  /// The same without what only scoring looks at: recipes that share it share their fits.
  var ofFit: Recipe {
    switch kind {
    case .popularity, .stack: self
    case .als(let als, let days, _):
      Recipe(kind: .als(als, halfLifeDays: days, trendWeight: 0), trendHalfLifeDays: trendHalfLifeDays)
    case .similarity(let similarity, let days, _):
      Recipe(kind: .similarity(similarity, halfLifeDays: days, trendWeight: 0), trendHalfLifeDays: trendHalfLifeDays)
    case .rating(let model, _):
      Recipe(kind: .rating(model, trendWeight: 0), trendHalfLifeDays: trendHalfLifeDays)
    }
  }
}

extension Recipe: CustomStringConvertible {
  /// "knn bm25 neighbours=100 half-life=60 trend=2": the name first, then what else sets it apart.
  public var description: String {
    switch kind {
    case .popularity: return name
    case .als(let als, let days, let trend):
      return "\(name) factors=\(als.factors) regularisation=\(als.regularisation.short) alpha=\(als.alpha.short) "
        + "half-life=\(days.short) trend=\(trend.short)"
    case .similarity(let similarity, let days, let trend):
      let method =
        switch similarity.method {
        case .cosine: "cosine"
        case .bm25: "bm25"
        case .ease(let regularisation): "regularisation=\(regularisation.short)"
        }
      return "\(name) \(method) neighbours=\(similarity.neighbours) half-life=\(days.short) trend=\(trend.short)"
    case .rating(.mf(let model), let trend):
      return "\(name) factors=\(model.factors) regularisation=\(model.regularisation.short) rate=\(model.rate.short) "
        + "epochs=\(model.epochs) trend=\(trend.short)"
    case .rating(.fm(let model, let kept), let trend):
      return "\(name) factors=\(model.factors) samples=\(model.samples) burn-in=\(model.burnIn) kept=\(kept) "
        + "trend=\(trend.short)"
    case .stack(let stacking):
      return "\(name) trees=\(stacking.trees.trees) depth=\(stacking.trees.depth) over "
        + stacking.generators.map { "(\($0))" }.joined(separator: " ")
    }
  }
}

extension Double {
  /// Whole numbers without a decimal point.
  fileprivate var short: String { Int(exactly: self).map(String.init) ?? "\(self)" }
}
