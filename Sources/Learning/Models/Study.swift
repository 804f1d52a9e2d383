import Synchronization

/// A history with what recipes take of it: interest and popularity are reckoned once, however many recipes ask.
public final class Study: Sendable {
  /// What had happened.
  public let history: History
  /// Which segment each customer belongs to.
  public let segments: CustomerSegments
  /// What else is known of customers and products.
  public let attributes: EntityAttributes
  /// Customers whose interest and ratings are looked at; nil = all.
  private let kept: [Bool]?
  /// By half-life in days.
  private let interests = Mutex<[Double: SparseMatrix]>([:])
  private let popularities = Mutex<[Double: Popularity]>([:])
  private let rated = Mutex<Observations?>(nil)

  /// Takes up a history of customers and products of whom nothing else is known.
  public convenience init(_ history: History, segments: CustomerSegments) {
    self.init(history, segments: segments, attributes: .none)
  }

  /// Takes up a history.
  public init(_ history: History, segments: CustomerSegments, attributes: EntityAttributes) {
    precondition(segments.ofCustomer.count == history.customers, "each customer needs a segment or none")
    self.history = history
    self.segments = segments
    self.attributes = attributes
    kept = nil
  }

  private init(of whole: Study, customers: [Bool], halfLives: Set<Double>) {
    (history, segments, attributes) = (whole.history, whole.segments, whole.attributes)
    kept = customers
    popularities.withLock { $0 = whole.popularities.withLock { $0 } }
    for days in halfLives {
      let kept = whole.interest(halfLifeDays: days).keeping(rows: customers)
      interests.withLock { $0[days] = kept }
    }
  }

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
