/// How a model is made and how it scores: its kind and parameters, without anything learned.
public struct Recipe: Hashable, Sendable {
  /// The kinds of models.
  public enum Kind: Hashable, Sendable {
    /// A customer's score for a product is the log share of sales in the customer's segment.
    case popularity
    /// A customer's score is the factors' xᵤᵀyᵢ, standardised over the catalogue, plus `trendWeight` log shares of sales.
    ///
    /// Standardising makes the scores of large and small customers comparable, which a common calibration needs; the
    /// trend carries what factors of a whole year cannot, that the catalogue turns with the season.
    case als(ImplicitALS, halfLifeDays: Double, trendWeight: Double)
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

  /// The standing candidate.
  public static let popularity = Recipe(kind: .popularity, trendHalfLifeDays: 7)

  /// The nightly challenger. Chosen on slices of the Online Retail data before September 2011, on RMSE and NDCG@10.
  public static let als = Recipe(
    kind: .als(
      ImplicitALS(factors: 64, regularisation: 10, alpha: 1, iterations: 10), halfLifeDays: 60, trendWeight: 2),
    trendHalfLifeDays: 7)

  /// "popularity" or "als".
  public var name: String {
    switch kind {
    case .popularity: "popularity"
    case .als: "als"
    }
  }

  /// Learns from a history, and from nothing after its cut. Throws `cancelled` if the task is cancelled meanwhile.
  public func fit(_ history: History, segments: CustomerSegments, seed: UInt64) throws(LearningError) -> Fit {
    let popularity = Popularity(history, segments: segments, halfLifeDays: trendHalfLifeDays)
    switch kind {
    case .popularity:
      return Fit(cut: history.cut, popularity: popularity, factors: [])
    case .als(let als, let halfLifeDays, _):
      return Fit(
        cut: history.cut, popularity: popularity,
        factors: try als.fit(history.interest(halfLifeDays: halfLifeDays), seed: seed))
    }
  }

  /// Latent factors of a product; 0 where the kind has none.
  public var factors: Int {
    switch kind {
    case .popularity: 0
    case .als(let als, _, _): als.factors
    }
  }
}
