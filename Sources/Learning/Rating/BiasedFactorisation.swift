/// Biased matrix factorisation of ratings in which what a user rated at all counts too (SVD++), by gradient descent.
///
/// r̂ = μ + σ (bᵤ + bᵢ + qᵢᵀ (pᵤ + |N(u)|^−½ Σ_{j ∈ N(u)} yⱼ)), μ and σ of all ratings; minimises the squared error of
/// (r − μ) / σ plus λ times the squares of what it uses. The step shrinks geometrically from one epoch to the next; a
/// user's yⱼ move once an epoch, with the sum of the gradients.
///
/// Source: Koren, "Factorization meets the neighborhood: a multifaceted collaborative filtering model", KDD 2008.
public struct BiasedFactorisation: Hashable, Sendable {
  /// Number of latent factors.
  public let factors: Int
  /// λ.
  public let regularisation: Double
  /// First epoch's step.
  public let rate: Double
  /// Passes over the ratings.
  public let epochs: Int

  /// Factor by which the step shrinks with each epoch.
  private static let rateDecay = 0.95
  static let biasRegularisation = 0.02
  private static let initialScale = 0.1

  /// Parameters; all are positive.
  public init(factors: Int, regularisation: Double, rate: Double, epochs: Int) {
    precondition(factors > 0 && regularisation > 0 && rate > 0 && epochs > 0, "parameters outside their ranges")
    (self.factors, self.regularisation, self.rate, self.epochs) = (factors, regularisation, rate, epochs)
  }

  /// Learns from the rows of `train` and predicts those of `asked`, within the range of train's ratings.
  ///
  /// Complexity: O(epochs · rows · factors). Throws `cancelled` between epochs if the task is cancelled.
  public func predictions(train: Observations, asked: Observations, seed: UInt64) throws(LearningError) -> [Double] {
    guard train.count > 0 else { return [Double](repeating: .nan, count: asked.count) }
    let scale = RatingScale(train)
    let (state, rows, offsets) = try learned(train, scale, seed: seed)
    let implied = (0..<train.users).map { state.implied(rows[offsets[$0]..<offsets[$0 + 1]], train) }
    return (0..<asked.count).map { row in
      let (user, item) = (Int(asked.user[row]), Int(asked.item[row]))
      return scale.rating(state.prediction(user, item, implied[user]))
    }
  }

  /// What it learns of the items of `train`: bᵢ, qᵢ and yᵢ of each, [items × (1 + 2 factors)], row-major.
  func items(train: Observations, _ scale: RatingScale, seed: UInt64) throws(LearningError) -> [Float] {
    let state = try learned(train, scale, seed: seed).state
    return (0..<train.items).flatMap { item in
      let own = item * factors..<(item + 1) * factors
      return [Float(state.itemBias[item])] + state.q[own].map { Float($0) } + state.y[own].map { Float($0) }
    }
  }

  /// The state after the last epoch, the rows in order of users, and where each user's start.
  private func learned(
    _ train: Observations, _ scale: RatingScale, seed: UInt64
  ) throws(LearningError) -> (state: State, rows: [Int], offsets: [Int]) {
    var random = Xoshiro256(seed: seed)
    var state = State(self, train, scale, &random)
    let (rows, offsets) = Array(0..<train.count).countingSorted(by: train.user[...], keys: train.users)
    var users = Array(0..<train.users)
    var step = rate
    for _ in 0..<epochs {
      if Task.isCancelled { throw .cancelled }
      users = random.shuffled(users)
      for user in users where offsets[user] < offsets[user + 1] {
        state.visit(user, rows[offsets[user]..<offsets[user + 1]], train, step: step, lambda: regularisation)
      }
      step *= Self.rateDecay
    }
    return (state, rows, offsets)
  }

  private struct State {
    let factors: Int
    /// (r − μ) / σ of each rating: steps must not depend on the scale that people rate on.
    let rating: [Double]
    var userBias: [Double]
    var itemBias: [Double]
    /// P, Q, Y: row-major, factors a row.
    var p: [Double]
    var q: [Double]
    var y: [Double]

    init(_ model: BiasedFactorisation, _ train: Observations, _ scale: RatingScale, _ random: inout Xoshiro256) {
      factors = model.factors
      rating = train.value.map(scale.standard)
      userBias = [Double](repeating: 0, count: train.users)
      itemBias = [Double](repeating: 0, count: train.items)
      func drawn(_ rows: Int) -> [Double] {
        (0..<rows * model.factors).map { _ in random.nextNormal() * initialScale }
      }
      p = drawn(train.users)
      q = drawn(train.items)
      y = drawn(train.items)
    }

    /// |N(u)|^−½ Σ yⱼ over a user's rows, [factors].
    func implied(_ rows: ArraySlice<Int>, _ train: Observations) -> [Double] {
      var sum = [Double](repeating: 0, count: factors)
      for row in rows {
        let start = Int(train.item[row]) * factors
        for f in 0..<factors { sum[f] += y[start + f] }
      }
      let norm = rows.isEmpty ? 0 : 1 / Double(rows.count).squareRoot()
      return sum.map { $0 * norm }
    }

    func prediction(_ user: Int, _ item: Int, _ implied: [Double]) -> Double {
      var sum = userBias[user] + itemBias[item]
      for f in 0..<factors { sum += q[item * factors + f] * (p[user * factors + f] + implied[f]) }
      return sum
    }

    mutating func visit(_ user: Int, _ rows: ArraySlice<Int>, _ train: Observations, step: Double, lambda: Double) {
      let norm = 1 / Double(rows.count).squareRoot()
      var implied = implied(rows, train)
      let before = implied
      for row in rows {
        let item = Int(train.item[row])
        let error = rating[row] - prediction(user, item, implied)
        userBias[user] += step * (error - biasRegularisation * userBias[user])
        itemBias[item] += step * (error - biasRegularisation * itemBias[item])
        for f in 0..<factors {
          let (pf, qf) = (p[user * factors + f], q[item * factors + f])
          p[user * factors + f] += step * (error * qf - lambda * pf)
          q[item * factors + f] += step * (error * (pf + implied[f]) - lambda * qf)
          // Σⱼ of each yⱼ's step · norm: |N| terms of error · norm · q · norm.
          implied[f] += step * (error * qf - lambda * implied[f])
        }
      }
      for row in rows {
        let start = Int(train.item[row]) * factors
        for f in 0..<factors { y[start + f] += (implied[f] - before[f]) * norm }
      }
    }
  }
}
