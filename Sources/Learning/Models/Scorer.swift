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
  private let trendWeight: Float
  private let listsBought: Bool

  private enum Personal: Sendable {
    /// X [customers × factors], Y [products × factors].
    case factors(Int, x: [Float], y: [Float])
    /// Interest [customers × products], and what it says of other products [products × products].
    case similarities(interest: SparseMatrix, SparseMatrix)
    /// Ratings, standardised.
    case ratings(RatingFoldIn)
    /// What a second stage ranks; without trees the generators' mean score does. The best generator's scorer is the array's first.
    case stack(Generators, BoostedTrees?, [Scorer])
  }

  /// Applies `fit` to what customers did up to the study's cut.
  ///
  /// Customers are folded in from the item factors, products that the fit has not met from the customer factors; with
  /// similarities such products have the trend alone, with ratings what their attributes say.
  /// Complexity: O(non-zeros · f² + customers · f³) at worst; far less as conjugate gradients end early.
  ///
  /// - Parameters:
  ///   - customers: which will be asked about; nil = all. The others' scores are the trend.
  ///   - listsBought: what a customer has bought may be recommended again.
  public init(
    _ fit: Fit, recipe: Recipe, study: Study, of customers: [Bool]? = nil, listsBought: Bool = false
  ) {
    let history = study.history
    precondition(fit.popularity.overall.count == history.products, "align the fit to the history's catalogue first")
    cut = max(fit.cut, history.cut)
    products = history.products
    self.listsBought = listsBought
    segments = study.segments
    let popularity = Self.popularity(of: fit, recipe: recipe, study)
    self.popularity = popularity
    overallTrend = popularity.logShares()
    segmentTrends = study.segments.names.map { popularity.logShares(segment: $0) }
    switch recipe.kind {
    case .popularity: (personal, trendWeight) = (nil, 1)
    case .als(let als, let halfLifeDays, let trendWeight):
      let interest = study.interest(halfLifeDays: halfLifeDays)
      let y = Self.itemFactors(of: fit, als, interest)
      let asked = customers.map(interest.keeping) ?? interest
      personal = .factors(als.factors, x: als.foldIn(asked, against: y), y: y)
      self.trendWeight = Float(trendWeight)
    case .similarity(let similarity, let halfLifeDays, let trendWeight):
      personal = .similarities(
        interest: similarity.taken(study.interest(halfLifeDays: halfLifeDays)), fit.similarities)
      self.trendWeight = Float(trendWeight)
    case .rating(let model, let trendWeight):
      guard let rating = fit.rating else { preconditionFailure("a fit of ratings has what they taught it") }
      personal = .ratings(
        RatingFoldIn(
          model, rating, products: fit.factors, unknown: fit.unknown, study: study, asked: customers))
      self.trendWeight = Float(trendWeight)
    case .stack(let stacking):
      let scorers = zip(stacking.generators, fit.generators).map {
        Scorer($1, recipe: $0, study: study, of: customers)
      }
      personal = .stack(Generators(scorers: scorers, study), fit.trees, scorers)
      trendWeight = 0
    }
  }

  /// What a score is made of beside the customer: for whoever folds one in elsewhere. Nil where there are no factors.
  ///
  /// A score is xᵀy, standardised over the catalogue, plus the product's bias, which is that of no segment.
  public var itemFactors: (vectors: [Float], biases: [Float])? {
    switch personal {
    case .factors(_, _, let y): (y, overallTrend.map { $0 * trendWeight })
    case .stack(_, _, let scorers): scorers[0].itemFactors
    case .similarities, .ratings, nil: nil
    }
  }

  /// What interest in a product says most strongly for others, the strongest first; nil where the recipe has no
  /// similarities. Complexity: O(neighbours · log neighbours).
  public func neighbours(of product: Int, atMost count: Int) -> [(product: Int, similarity: Float)]? {
    switch personal {
    case .similarities(_, let similarities):
      let row = similarities.row(product).filter { $0.value > 0 }
      return row.sorted { ($1.value, $0.column) < ($0.value, $1.column) }.prefix(count).map { ($0.column, $0.value) }
    case .stack(_, _, let scorers): return scorers[0].neighbours(of: product, atMost: count)
    case .factors, .ratings, nil: return nil
    }
  }

  /// Scores of all products for a customer, [products]; higher is better.
  ///
  /// Complexity: O(products × factors), with similarities O(Σ neighbours of what the customer had); a stack's those of its
  /// generators, and O(candidates × trees).
  public func scores(of customer: Int) -> [Float] {
    let segment = Int(segments.ofCustomer[customer])
    let trend = segment < 0 ? overallTrend : segmentTrends[segment]
    guard let personal else { return trend }
    var scores = [Float](repeating: 0, count: products)
    switch personal {
    case .factors(let factors, let x, let y):
      Self.multiply(y, byRow: customer, of: x, factors, into: &scores)
    case .similarities(let interest, let similarities):
      interest.multiplyRow(customer, by: similarities, into: &scores)
    case .ratings(let customers):
      // What all of a customer's ratings have in common goes with the mean.
      Self.multiply(customers.y, byRow: customer, of: customers.x, customers.columns, into: &scores)
    case .stack(let generators, let trees, _):
      let candidates = generators.candidates(for: customer, listsSeen: listsBought)
      return candidates.isKnown ? candidates.scores(by: trees) : trend
    }
    scores.standardise()
    cblas_saxpy(Int32(products), trendWeight, trend, 1, &scores, 1)
    return scores
  }

  /// What it makes of all products for a customer where ratings are to be told, [products]: the ratings themselves where it
  /// learns them, else the scores.
  func opinions(of customer: Int) -> [Float] {
    guard case .ratings(let customers) = personal else { return scores(of: customer) }
    var ratings = [Float](repeating: customers.constants[customer], count: products)
    Self.multiply(customers.y, byRow: customer, of: customers.x, customers.columns, into: &ratings)
    return ratings.map { Float(customers.scale.rating(Double($0))) }
  }

  /// Whether a customer's scores are their own even if they never did anything: what is known of them says something.
  public func knows(stranger customer: Int) -> Bool {
    guard case .ratings(let customers) = personal else { return false }
    return customers.isDescribed[customer]
  }

  /// The same as `scores`; nil for a customer of whom nothing personal is known.
  func personalScores(of customer: Int) -> [Float]? {
    switch personal {
    case .factors(let factors, let x, _):
      x[customer * factors..<(customer + 1) * factors].contains { $0 != 0 } ? scores(of: customer) : nil
    case .similarities(let interest, _): interest.isEmpty(row: customer) ? nil : scores(of: customer)
    case .ratings, .stack, nil: scores(of: customer)
    }
  }

  /// Adds Y xᵤ to `sums`, Y [products × factors], u a row of X [customers × factors].
  private static func multiply(_ y: [Float], byRow row: Int, of x: [Float], _ factors: Int, into sums: inout [Float]) {
    let f = Int32(factors)
    x.withUnsafeBufferPointer { x in
      cblas_sgemv(
        CblasRowMajor, CblasNoTrans, Int32(sums.count), f, 1, y, f, x.baseAddress.map { $0 + row * factors }, 1, 1,
        &sums, 1)
    }
  }

  /// Throws unless every row of the window lies after the cut.
  func requireUnseen(_ window: Window) throws(LearningError) {
    guard cut <= window.after else { throw .hasSeenJudgingRows(scorerCut: cut, windowStart: window.after) }
  }

  private static func popularity(
    of fit: Fit, recipe: Recipe, _ study: Study
  ) -> Popularity {
    guard !fit.unknown.isEmpty else { return fit.popularity }
    let now = study.popularity(halfLifeDays: recipe.trendHalfLifeDays)
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

extension SparseMatrix {
  /// Adds the row's product with a square matrix to `sums`, [columns]. Complexity: O(Σ non-zeros of the rows met).
  fileprivate func multiplyRow(_ row: Int, by matrix: SparseMatrix, into sums: inout [Float]) {
    sums.withUnsafeMutableBufferPointer { sums in
      matrix.indices.withUnsafeBufferPointer { columns in
        matrix.values.withUnsafeBufferPointer { weights in
          for position in offsets[row]..<offsets[row + 1] {
            let (own, value) = (Int(indices[position]), values[position])
            for entry in matrix.offsets[own]..<matrix.offsets[own + 1] {
              sums[Int(columns[entry])] += value * weights[entry]
            }
          }
        }
      }
    }
  }
}
