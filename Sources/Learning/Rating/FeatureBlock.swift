/// One side of every rating, users or items: its features' parameters, and what its sampler keeps of each entity.
///
/// Within a block, every rating of an entity has the same features; a sweep over features therefore needs of the ratings
/// only the sums of each entity, and one pass over them, which also settles what the other side's last sweep changed.
struct FeatureBlock {
  let ratings: RatingLists
  /// Number of ratings of each entity.
  private let counts: [Double]
  private let features: (offsets: [Int], entity: [Int32], value: [Float])
  private let group: [Int32]
  private let ownFeatures: Int
  /// Group of whom ratings join; nil = there is none.
  private let joiningGroup: Int?
  /// Number of features of each group.
  private let groupSizes: [Double]

  /// w [features] and V [factors × features].
  private var linear: [Double]
  private var latent: [[Double]]
  /// Prior mean and precision: of w by group, of V by factor and group.
  private var linearPrior: [Prior]
  private var latentPrior: [[Prior]]
  /// Σ wⱼ xⱼ of each entity.
  private(set) var linearSum: [Double]
  /// Σ vⱼf xⱼ and ½ (its square − Σ vⱼf² xⱼ²) of each entity, by factor.
  private(set) var latentSum: [[Double]]
  private(set) var ownTerm: [[Double]]
  /// What the last sweep changed of each entity's ratings: a constant, and what the other side's sum is multiplied by.
  private(set) var change: [(constant: Double, step: Double)]
  private var sums: [RatingLists.Sums]
  private var sweeps = 0

  /// What a parameter is drawn from, but for the ratings.
  struct Prior {
    var mean = 0.0
    var precision = 1.0
  }

  /// Standard deviation of the first V.
  private static let initialScale = 0.1
  /// Sweeps from one draw of v of whom ratings join to the next: these features take most of the time and move little in one
  /// sweep. Each draw is still from the posterior given the rest, in whatever order they come.
  private static let joiningSweeps = 3
  /// The hyper-prior's strength, in observations (α₀ = β₀ = γ₀ of the paper).
  private static let hyper = 1.0

  init(_ side: SideInformation, ratings: RatingLists, factors: Int, random: inout Xoshiro256) {
    self.ratings = ratings
    counts = (0..<side.entities).map { Double(ratings.count($0)) }
    features = side.byFeature()
    group = side.group
    ownFeatures = side.ownFeatures
    joiningGroup = ownFeatures < side.features ? side.groups - 1 : nil
    var sizes = [Double](repeating: 0, count: side.groups)
    for member in group { sizes[Int(member)] += 1 }
    groupSizes = sizes
    linear = [Double](repeating: 0, count: side.features)
    latent = (0..<factors).map { _ in side.group.map { _ in random.nextNormal() * Self.initialScale } }
    linearPrior = [Prior](repeating: Prior(), count: side.groups)
    latentPrior = [[Prior]](repeating: linearPrior, count: factors)
    linearSum = [Double](repeating: 0, count: side.entities)
    latentSum = [[Double]](repeating: linearSum, count: factors)
    ownTerm = latentSum
    change = [(constant: Double, step: Double)](repeating: (0, 0), count: side.entities)
    sums = [RatingLists.Sums](repeating: RatingLists.Sums(), count: side.entities)
    for factor in 0..<factors { refresh(factor) }
  }

  /// Brings the residuals up to date with the other side's last sweep, and sums them up for this side's next.
  ///
  /// - Parameters:
  ///   - settling: factor of the other side's last sweep; nil if it drew w.
  ///   - factor: factor that is drawn next; nil for w.
  mutating func gather(
    _ other: FeatureBlock, settling: Int?, for factor: Int?, _ residual: inout [Float]
  ) {
    let entries = other.change.indices.map { entity in
      let (change, q) = (other.change[entity], factor.map { Float(other.latentSum[$0][entity]) } ?? 0)
      return RatingLists.Entry(Float(change.constant), Float(change.step), q, q * q)
    }
    ratings.gather(entries, own: settling.map { latentSum[$0] } ?? linearSum, residual: &residual, into: &sums)
  }

  /// Sums the residuals up again after they were changed between a pass for w and the draws.
  mutating func resum(_ residual: [Float]) {
    for entity in sums.indices { sums[entity].residual = ratings.sum(of: entity, residual) }
  }

  /// Σ residuals, after a pass.
  var residualSum: Double { sums.reduce(0) { $0 + $1.residual } }

  /// Draws all w, after a pass for them. `shift` is what the prediction of every rating has grown by since that pass.
  mutating func sweepLinear(noise: Double, shift: Double, random: inout Xoshiro256) {
    sweeps += 1
    var priors = linearPrior
    drawPriors(&priors, of: linear, &random)
    linearPrior = priors
    var residuals = zip(sums, counts).map { $0.residual - shift * $1 }
    let before = linearSum
    for feature in linear.indices {
      let range = features.offsets[feature]..<features.offsets[feature + 1]
      var (square, product) = (0.0, 0.0)
      for position in range {
        let (entity, x) = (Int(features.entity[position]), Double(features.value[position]))
        square += x * x * counts[entity]
        product += x * residuals[entity]
      }
      let prior = linearPrior[Int(group[feature])]
      let drawn = Self.draw(prior, noise, square, product + square * linear[feature], &random)
      let step = drawn - linear[feature]
      linear[feature] = drawn
      for position in range {
        let (entity, x) = (Int(features.entity[position]), Double(features.value[position]))
        residuals[entity] -= step * x * counts[entity]
        linearSum[entity] += step * x
      }
    }
    for entity in change.indices { change[entity] = (linearSum[entity] - before[entity] + shift, 0) }
  }

  /// Draws vⱼf of all features for one factor, after a pass for it.
  mutating func sweep(factor: Int, noise: Double, random: inout Xoshiro256) {
    var priors = latentPrior[factor]
    drawPriors(&priors, of: latent[factor], &random)
    latentPrior[factor] = priors
    var cells = counts.indices.map { Cell(counts[$0], sums[$0], latentSum[factor][$0], ownTerm[factor][$0]) }
    latent[factor] = drawn(latent[factor], latentPrior[factor], noise, &cells, &random)
    for (entity, cell) in cells.enumerated() {
      change[entity] = (cell.ownTerm - ownTerm[factor][entity], cell.sum - latentSum[factor][entity])
      (latentSum[factor][entity], ownTerm[factor][entity]) = (cell.sum, cell.ownTerm)
    }
  }

  /// What a sweep over features needs of an entity, in one place.
  private struct Cell {
    let count: Double
    let other: Double
    let otherSquare: Double
    var residual: Double
    var residualOther: Double
    /// Σ vⱼf xⱼ, and the sum of the squares of its terms.
    var sum: Double
    var squares: Double

    init(_ count: Double, _ sums: RatingLists.Sums, _ sum: Double, _ ownTerm: Double) {
      (self.count, other, otherSquare) = (count, sums.other, sums.otherSquare)
      (residual, residualOther, self.sum) = (sums.residual, sums.residualOther, sum)
      squares = sum * sum - 2 * ownTerm
    }

    var ownTerm: Double { (sum * sum - squares) / 2 }
  }

  /// Draws each feature's parameter of a factor anew, and brings the cells up to date with it.
  private func drawn(
    _ parameters: [Double], _ priors: [Prior], _ noise: Double, _ cells: inout [Cell], _ random: inout Xoshiro256
  ) -> [Double] {
    var parameters = parameters
    let (entities, values) = (features.entity.span, features.value.span)
    var cells = cells.mutableSpan
    let due = sweeps.isMultiple(of: Self.joiningSweeps) ? parameters.count : ownFeatures
    for feature in 0..<due {
      let range = features.offsets[feature]..<features.offsets[feature + 1]
      let v = parameters[feature]
      var (square, product) = (0.0, 0.0)
      for position in range {
        let x = Double(values[unchecked: position])
        let cell = cells[unchecked: Int(entities[unchecked: position])]
        let own = cell.sum - x * v
        square += x * x * (own * (cell.count * own + 2 * cell.other) + cell.otherSquare)
        product += x * (own * cell.residual + cell.residualOther)
      }
      let drawn = Self.draw(priors[Int(group[feature])], noise, square, product + square * v, &random)
      for position in range {
        let (entity, x) = (Int(entities[unchecked: position]), Double(values[unchecked: position]))
        var cell = cells[unchecked: entity]
        let (own, step) = (cell.sum - x * v, x * (drawn - v))
        cell.residual -= step * (own * cell.count + cell.other)
        cell.residualOther -= step * (own * cell.other + cell.otherSquare)
        cell.sum += step
        cell.squares += step * x * (drawn + v)
        cells[unchecked: entity] = cell
      }
      parameters[feature] = drawn
    }
    return parameters
  }

  /// One parameter given all others: its rows have Σ x² = `square` and Σ x · (residual without it) = `product`.
  static func draw(
    _ prior: Prior, _ noise: Double, _ square: Double, _ product: Double, _ random: inout Xoshiro256
  ) -> Double {
    let variance = 1 / (noise * square + prior.precision)
    return (noise * product + prior.precision * prior.mean) * variance + random.nextNormal() * variance.squareRoot()
  }

  /// Computes a factor's sums.
  private mutating func refresh(_ factor: Int) {
    var sum = [Double](repeating: 0, count: linearSum.count)
    var squares = sum
    for feature in linear.indices {
      for position in features.offsets[feature]..<features.offsets[feature + 1] {
        let term = Double(features.value[position]) * latent[factor][feature]
        sum[Int(features.entity[position])] += term
        squares[Int(features.entity[position])] += term * term
      }
    }
    latentSum[factor] = sum
    ownTerm[factor] = zip(sum, squares).map { ($0 * $0 - $1) / 2 }
  }

  /// What predictions take of each entity: Σ wⱼ xⱼ + Σ_f own terms, and Σ vⱼf xⱼ [entities × factors].
  func scoring() -> (constant: [Double], vectors: [Double]) {
    let factors = latent.count
    var constant = linearSum
    var vectors = [Double](repeating: 0, count: constant.count * factors)
    for factor in 0..<factors {
      for entity in constant.indices {
        constant[entity] += ownTerm[factor][entity]
        vectors[entity * factors + factor] = latentSum[factor][entity]
      }
    }
    return (constant, vectors)
  }

  /// Constant and vector of each entity, [entities × (1 + factors)].
  func rows() -> [Float] {
    let (constant, vectors) = scoring()
    let factors = latent.count
    return constant.indices.flatMap { entity in
      [Float(constant[entity])] + vectors[entity * factors..<(entity + 1) * factors].map { Float($0) }
    }
  }

  /// w and v of each attribute's features, [features but the entities' own × (1 + factors)].
  func attributeParameters() -> [Float] {
    (counts.count..<linear.count).flatMap { feature in
      [Float(linear[feature])] + latent.map { Float($0[feature]) }
    }
  }

  /// What an entity's own w and v are drawn from: one prior, then one for each factor.
  var ownPriors: [Prior] { [linearPrior[0]] + latentPrior.map { $0[0] } }

  /// Draws each group's precision and mean given its parameters. The mean of whom ratings join stays 0: an entity without
  /// ratings has none of these features, and must not be told apart by that alone.
  private func drawPriors(
    _ priors: inout [Prior], of parameters: [Double], _ random: inout Xoshiro256
  ) {
    var sums = [Double](repeating: 0, count: priors.count)
    var squares = sums
    for (parameter, member) in zip(parameters, group) {
      let own = Int(member)
      sums[own] += parameter
      squares[own] += (parameter - priors[own].mean) * (parameter - priors[own].mean)
    }
    for own in priors.indices {
      let mean = priors[own].mean
      let rate = Self.hyper + squares[own] + Self.hyper * mean * mean
      let precision = random.nextGamma(shape: (Self.hyper + groupSizes[own] + 1) / 2) * 2 / rate
      let weight = groupSizes[own] + Self.hyper
      priors[own] = Prior(
        mean: own == joiningGroup ? 0 : sums[own] / weight + random.nextNormal() / (precision * weight).squareRoot(),
        precision: precision)
    }
  }
}
