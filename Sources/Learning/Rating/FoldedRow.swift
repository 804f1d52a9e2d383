/// One customer, or product, as a block of a rating model sees it: what it adds to a rating, and its vector.
///
/// Its own w and v are the mean of their distribution given everything of the other side, which is a ridge regression of its
/// ratings; its attributes' are given.
struct FoldedRow {
  /// Constant, then vector, [1 + factors].
  let values: [Double]

  /// What is known of it beside its own parameters.
  struct Base {
    /// Of a rating, whatever the other side.
    private(set) var constant = 0.0
    /// Added to the own v, [1 + factors]; the first is not used.
    private(set) var sum: [Double]
    /// What the own v meets beside the other side's vector; the same layout.
    let interaction: [Double]

    /// From attributes: Σ wⱼ + Σ_{j<k} vⱼᵀvₖ and Σ vⱼ, which the own v meets as well.
    ///
    /// - Parameters:
    ///   - parameters: w and v of each attribute's values, [values × width].
    ///   - attributes: places of the values that it has.
    init(_ parameters: [Float], _ attributes: [Int], width: Int) {
      sum = [Double](repeating: 0, count: width)
      var squares = 0.0
      for attribute in attributes {
        let row = parameters[attribute * width..<(attribute + 1) * width].map(Double.init)
        constant += row[0]
        for f in 1..<width {
          sum[f] += row[f]
          squares += row[f] * row[f]
        }
      }
      constant += (sum.dropFirst().reduce(0) { $0 + $1 * $1 } - squares) / 2
      interaction = sum
    }

    /// From what a customer rated at all: |N|^−½ Σ yⱼ, of products' rows bᵢ, qᵢ, yᵢ.
    init(implied rated: [Int], _ factors: Int, _ products: [Float]) {
      sum = [Double](repeating: 0, count: 1 + factors)
      interaction = sum
      let norm = 1 / Double(max(1, rated.count)).squareRoot()
      for product in rated {
        let start = product * (1 + 2 * factors) + 1 + factors
        for f in 0..<factors { sum[1 + f] += norm * Double(products[start + f]) }
      }
    }
  }

  /// Without ratings: the mean of what it is drawn from.
  init(_ prior: RatingFit.Prior, _ base: Base) {
    self.init(own: prior.mean.map(Double.init), base)
  }

  /// With ratings.
  ///
  /// - Parameters:
  ///   - strength: how many times the prior counts.
  ///   - others: rows of the other side, of which `places` has where each rating's begins.
  ///   - values: the ratings less the offset.
  init(
    _ prior: RatingFit.Prior, strength: Double, noise: Float, _ base: Base, others: [Float], places: [Int],
    values: [Double]
  ) {
    let width = prior.mean.count
    var ridge = RidgeRegression(prior, strength: strength, noise: Double(noise))
    var features = [Double](repeating: 1, count: width)
    for (place, value) in zip(places, values) {
      var rest = value - base.constant - Double(others[place])
      for f in 1..<width {
        let q = Double(others[place + f])
        features[f] = q + base.interaction[f]
        rest -= base.sum[f] * q
      }
      ridge.add(features, rest)
    }
    self.init(own: ridge.solution(), base)
  }

  private init(own: [Double], _ base: Base) {
    var values = own
    values[0] += base.constant
    for f in 1..<own.count {
      values[0] += own[f] * base.interaction[f]
      values[f] += base.sum[f]
    }
    self.values = values
  }
}
