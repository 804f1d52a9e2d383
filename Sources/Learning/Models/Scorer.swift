import COpenBLAS

/// A fit applied to a history: scores of every product for every customer, new ones of both kinds folded in.
public struct Scorer: Sendable {
  /// Latest business time that the fit or the history has seen, µs.
  public let cut: Int64
  /// The popularity that the scores use, with products that the fit had not met counted in the history.
  public let popularity: Popularity
  private let products: Int
  private let segments: CustomerSegments
  /// Log shares of sales: overall, and for each segment.
  private let overallTrend: [Float]
  private let segmentTrends: [[Float]]
  private let personal: Personal?

  /// X [customers × factors], Y [products × factors].
  private struct Personal: Sendable {
    let factors: Int
    let trendWeight: Float
    let x: [Float]
    let y: [Float]
  }

  /// Applies `fit` to what customers did up to the history's cut.
  ///
  /// Customers are folded in from the item factors, products that the fit has not met from the customer factors.
  /// Complexity: O(non-zeros · f² + customers · f³) at worst; far less as conjugate gradients end early.
  public init(_ fit: Fit, recipe: Recipe, history: History, segments: CustomerSegments) {
    precondition(fit.popularity.overall.count == history.products, "align the fit to the history's catalogue first")
    precondition(segments.ofCustomer.count == history.customers, "each customer needs a segment or none")
    cut = max(fit.cut, history.cut)
    products = history.products
    self.segments = segments
    let popularity = Self.popularity(of: fit, recipe: recipe, history: history, segments: segments)
    self.popularity = popularity
    overallTrend = popularity.logShares()
    segmentTrends = segments.names.map { popularity.logShares(segment: $0) }
    switch recipe.kind {
    case .popularity: personal = nil
    case .als(let als, let halfLifeDays, let trendWeight):
      let interest = history.interest(halfLifeDays: halfLifeDays)
      let y = Self.itemFactors(of: fit, als, interest)
      personal = Personal(
        factors: als.factors, trendWeight: Float(trendWeight), x: als.foldIn(interest, against: y), y: y)
    }
  }

  /// What a score is made of beside the customer: for whoever folds one in elsewhere. Nil where there are no factors.
  ///
  /// A score is xᵀy, standardised over the catalogue, plus the product's bias, which is that of no segment.
  public var itemFactors: (vectors: [Float], biases: [Float])? {
    personal.map { personal in (personal.y, overallTrend.map { $0 * personal.trendWeight }) }
  }

  /// Scores of all products for a customer, [products]; higher is better. Complexity: O(products × factors).
  public func scores(of customer: Int) -> [Float] {
    let segment = Int(segments.ofCustomer[customer])
    let trend = segment < 0 ? overallTrend : segmentTrends[segment]
    guard let personal else { return trend }
    var scores = [Float](repeating: 0, count: products)
    let f = Int32(personal.factors)
    personal.x.withUnsafeBufferPointer { x in
      cblas_sgemv(
        CblasRowMajor, CblasNoTrans, Int32(products), f, 1, personal.y, f,
        x.baseAddress.map { $0 + customer * personal.factors }, 1, 0, &scores, 1)
    }
    Self.standardise(&scores)
    cblas_saxpy(Int32(products), personal.trendWeight, trend, 1, &scores, 1)
    return scores
  }

  /// Throws unless every row of the window lies after the cut.
  func requireUnseen(_ window: Window) throws(LearningError) {
    guard cut <= window.after else { throw .hasSeenJudgingRows(scorerCut: cut, windowStart: window.after) }
  }

  /// Shifts and scales to mean 0 and variance 1; scores that are all alike become 0.
  private static func standardise(_ scores: inout [Float]) {
    let count = Float(scores.count)
    let mean = scores.reduce(0, +) / count
    let variance = scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    let scale = variance > 0 ? 1 / variance.squareRoot() : 0
    for product in scores.indices { scores[product] = (scores[product] - mean) * scale }
  }

  private static func popularity(
    of fit: Fit, recipe: Recipe, history: History, segments: CustomerSegments
  ) -> Popularity {
    guard !fit.unknown.isEmpty else { return fit.popularity }
    let now = Popularity(history, segments: segments, halfLifeDays: recipe.trendHalfLifeDays)
    func filled(_ column: [Float], from fresh: [Float]?) -> [Float] {
      guard let fresh else { return column }
      var column = column
      for product in fit.unknown { column[product] = fresh[product] }
      return column
    }
    return Popularity(
      overall: filled(fit.popularity.overall, from: now.overall),
      segments: Dictionary(
        uniqueKeysWithValues: fit.popularity.segments.map { ($0.key, filled($0.value, from: now.segments[$0.key])) }))
  }

  private static func itemFactors(of fit: Fit, _ als: ImplicitALS, _ interest: SparseMatrix) -> [Float] {
    guard !fit.unknown.isEmpty else { return fit.factors }
    let byProduct = interest.transposed()
    guard fit.unknown.contains(where: { !byProduct.isEmpty(row: $0) }) else { return fit.factors }
    let x = als.foldIn(interest, against: fit.factors)
    let folded = als.foldIn(byProduct, against: x)
    var y = fit.factors
    for product in fit.unknown {
      let row = product * als.factors..<(product + 1) * als.factors
      y.replaceSubrange(row, with: folded[row])
    }
    return y
  }
}
