extension History {
  /// The latest rating of each pair, by customer, then product, without what no scale holds. Complexity: O(n).
  ///
  /// - Parameter kept: whose; nil = everybody's.
  func ratings(of kept: [Bool]? = nil) -> Observations {
    ratings { kept?[Int($0.customer)] ?? true }
  }

  /// The latest of the ratings chosen of each pair, by customer, then product.
  func ratings(where isChosen: (Interactions.Row) -> Bool) -> Observations {
    var rated: [Interactions.Row] = []
    for act in acts where act.kind == .rating && RatingScale.admits(act.rating) && isChosen(act) { rated.append(act) }
    let byProduct = Array(0..<rated.count).countingSorted(by: rated.map(\.product)[...], keys: products).rows
    let rows = byProduct.countingSorted(by: rated.map(\.customer)[...], keys: customers).rows
    let latest = rows.indices.filter { place in
      guard place + 1 < rows.count else { return true }
      let (own, next) = (rated[rows[place]], rated[rows[place + 1]])
      return own.customer != next.customer || own.product != next.product
    }.map { rated[rows[$0]] }
    return Observations(
      users: customers, items: products, user: latest.map(\.customer), item: latest.map(\.product),
      time: latest.map { Double($0.time) / Self.microsecondsPerSecond }, value: latest.map(\.rating))
  }

  private static let microsecondsPerSecond = 1e6
}
