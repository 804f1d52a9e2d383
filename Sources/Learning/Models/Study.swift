import Synchronization

/// A history with what recipes take of it: interest, popularity, features and fits are reckoned once, however many ask.
public final class Study: Sendable {
  /// What had happened.
  public let history: History
  /// What was known of customers and products beside it, for features.
  public let traits: Traits
  /// What else is known of them, for models of ratings.
  public let attributes: EntityAttributes
  /// Which products may be listed, by index.
  public let eligible: [Bool]
  /// What had happened up to an earlier cut, where somebody keeps it.
  private let past: Study?
  /// Customers whose interest and ratings are looked at; nil = all.
  private let kept: [Bool]?
  /// By half-life in days.
  private let interests = Mutex<[Double: SparseMatrix]>([:])
  private let popularities = Mutex<[Double: Popularity]>([:])
  private let rated = Mutex<Observations?>(nil)
  private let fits = Mutex<[FitKey: Fit]>([:])
  private let pasts = Mutex<[Int64: Study]>([:])
  private let table = Mutex<FeatureTable?>(nil)
  private let had = Mutex<PairSets?>(nil)

  private struct FitKey: Hashable {
    let recipe: Recipe
    let seed: UInt64
  }

  /// Takes up a history.
  ///
  /// - Parameter past: the same of an earlier cut, so that what is reckoned for it is reckoned once.
  public init(
    _ history: History, traits: Traits, attributes: EntityAttributes = .none, eligible: [Bool], past: Study? = nil
  ) {
    precondition(traits.segments.ofCustomer.count == history.customers, "each customer needs a segment or none")
    precondition(eligible.count == history.products, "eligibility must be known for each product")
    precondition(past.map { $0.history.cut <= history.cut } ?? true, "the past lies before the cut")
    self.history = history
    self.traits = traits
    self.attributes = attributes
    self.eligible = eligible
    self.past = past
    kept = nil
  }

  /// Takes up a history of customers of whom no more than a segment and attributes are known, and of products that may all
  /// be listed.
  public convenience init(_ history: History, segments: CustomerSegments, attributes: EntityAttributes = .none) {
    self.init(
      history,
      traits: Traits(
        segments: segments, regions: .none(customers: history.customers), categories: .none(products: history.products)),
      attributes: attributes, eligible: [Bool](repeating: true, count: history.products))
  }

  private init(of whole: Study, customers: [Bool], halfLives: Set<Double>) {
    (history, traits, attributes, eligible, past) = (
      whole.history, whole.traits, whole.attributes, whole.eligible, nil
    )
    kept = customers
    popularities.withLock { $0 = whole.popularities.withLock { $0 } }
    for days in halfLives {
      let kept = whole.interest(halfLifeDays: days).keeping(rows: customers)
      interests.withLock { $0[days] = kept }
    }
  }

  /// Which segment each customer belongs to.
  public var segments: CustomerSegments { traits.segments }

  /// The history's interest. Complexity: O(n log n) the first time.
  public func interest(halfLifeDays days: Double) -> SparseMatrix {
    interests.withLock { known in
      if let interest = known[days] { return interest }
      let interest = history.interest(halfLifeDays: days)
      known[days] = interest
      return interest
    }
  }

  /// The history's popularity. Complexity: O(n + segments × products) the first time.
  public func popularity(halfLifeDays days: Double) -> Popularity {
    popularities.withLock { known in
      if let popularity = known[days] { return popularity }
      let popularity = Popularity(history, segments: segments, halfLifeDays: days)
      known[days] = popularity
      return popularity
    }
  }

  /// The history's ratings, the latest of each pair, by customer, then product. Complexity: O(n) the first time.
  public func ratings() -> Observations {
    rated.withLock { known in
      if let ratings = known { return ratings }
      let ratings = history.ratings(of: kept)
      known = ratings
      return ratings
    }
  }

  /// The features of customers and products at the cut. Complexity: O(n + groups × products) the first time.
  var features: FeatureTable {
    table.withLock { known in
      if let table = known { return table }
      let table = FeatureTable(history, traits: traits)
      known = table
      return table
    }
  }

  /// Which products each customer has bought or rated. Complexity: O(n log n) the first time.
  var seen: PairSets {
    had.withLock { known in
      if let had = known { return had }
      let had = history.possessions()
      known = had
      return had
    }
  }

  /// What had happened up to so many days before the cut.
  func earlier(days: Int) -> Study {
    let cut = history.cut - Int64(days) * Int64(microsecondsPerDay)
    if let past, past.history.cut == cut { return past }
    return pasts.withLock { known in
      if let study = known[cut] { return study }
      let study = Study(history.before(cut), traits: traits, attributes: attributes, eligible: eligible)
      known[cut] = study
      return study
    }
  }

  /// What the recipe learns of the history; recipes that differ in nothing but their scoring share it. Throws as `Recipe.fit`.
  public func fit(_ recipe: Recipe, seed: UInt64) throws(LearningError) -> Fit {
    let key = FitKey(recipe: recipe.ofFit, seed: recipe.isByChance ? seed : 0)
    if let fit = fits.withLock({ $0[key] }) { return fit }
    let fit = try recipe.fit(self, seed: seed)
    fits.withLock { $0[key] = fit }
    return fit
  }

  /// The same with the interest and the ratings of some customers alone; popularity stays that of all.
  ///
  /// - Parameter halfLives: those of the interest that will be asked for.
  func only(_ customers: [Bool], halfLives: Set<Double>) -> Study {
    Study(of: self, customers: customers, halfLives: halfLives)
  }
}

extension SparseMatrix {
  /// The same matrix with all other rows empty. Complexity: O(non-zeros + rows).
  func keeping(rows kept: [Bool]) -> SparseMatrix {
    precondition(kept.count == rows, "each row is kept or not")
    var builder = Builder(rows: rows, columns: columns)
    for row in 0..<rows {
      if kept[row] {
        for position in offsets[row]..<offsets[row + 1] {
          builder.add(column: indices[position], value: values[position])
        }
      }
      builder.finishRow()
    }
    return builder.build()
  }
}
