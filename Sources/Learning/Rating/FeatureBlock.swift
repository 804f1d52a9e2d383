/// One side of every rating, users or items: its features' parameters, and what its sampler keeps of each entity.
///
/// Within a block, every rating of an entity has the same features; a sweep over features therefore needs of the ratings
/// only the sums of each entity, and visits the ratings themselves once for each factor.
struct FeatureBlock {
  /// Ratings by entity: where each entity's start in `rows`, and their numbers.
  let offsets: [Int]
  let rows: [Int]
  private let features: (offsets: [Int], entity: [Int32], value: [Float])
  private let group: [Int32]
  private let groups: Int
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

  private struct Prior {
    var mean = 0.0
    var precision = 1.0
  }

  /// Standard deviation of the first V.
  private static let initialScale = 0.1
  /// The hyper-prior's strength, in observations (α₀ = β₀ = γ₀ of the paper).
  private static let hyper = 1.0

  init(_ side: SideInformation, entity: [Int32], factors: Int, random: inout Xoshiro256) {
    (rows, offsets) = Array(entity.indices).countingSorted(by: entity[...], keys: side.entities)
    features = side.byFeature()
    group = side.group
    groups = side.groups
    var sizes = [Double](repeating: 0, count: groups)
    for member in group { sizes[Int(member)] += 1 }
    groupSizes = sizes
    linear = [Double](repeating: 0, count: side.features)
    latent = (0..<factors).map { _ in side.group.map { _ in random.nextNormal() * Self.initialScale } }
    linearPrior = [Prior](repeating: Prior(), count: groups)
    latentPrior = [[Prior]](repeating: linearPrior, count: factors)
    linearSum = [Double](repeating: 0, count: side.entities)
    latentSum = [[Double]](repeating: linearSum, count: factors)
    ownTerm = latentSum
    for factor in 0..<factors { refresh(factor) }
  }

  /// Sums of the ratings of an entity: their number, other side's Q and Q², residual and residual · Q.
  private struct Sums {
    var count = 0.0
    var other = 0.0
    var otherSquare = 0.0
    var residual = 0.0
    var residualOther = 0.0
  }

  /// Draws all w. `residual` is rating − prediction for each rating, kept up to date.
  mutating func sweepLinear(_ residual: inout [Double], noise: Double, random: inout Xoshiro256) {
    Self.drawPriors(&linearPrior, of: linear, group, groupSizes, &random)
    var sums = [Double](repeating: 0, count: linearSum.count)
    for entity in sums.indices {
      for position in offsets[entity]..<offsets[entity + 1] { sums[entity] += residual[rows[position]] }
    }
    let before = linearSum
    for feature in linear.indices {
      let range = features.offsets[feature]..<features.offsets[feature + 1]
      var (square, product) = (0.0, 0.0)
      for position in range {
        let (entity, x) = (Int(features.entity[position]), Double(features.value[position]))
        let count = Double(offsets[entity + 1] - offsets[entity])
        square += x * x * count
        product += x * (sums[entity] + count * x * linear[feature])
      }
      let prior = linearPrior[Int(group[feature])]
      let precision = noise * square + prior.precision
      let mean = (noise * product + prior.precision * prior.mean) / precision
      let drawn = mean + random.nextNormal() / precision.squareRoot()
      let step = drawn - linear[feature]
      linear[feature] = drawn
      for position in range {
        let (entity, x) = (Int(features.entity[position]), Double(features.value[position]))
        sums[entity] -= step * x * Double(offsets[entity + 1] - offsets[entity])
        linearSum[entity] += step * x
      }
    }
    for entity in linearSum.indices {
      let change = linearSum[entity] - before[entity]
      for position in offsets[entity]..<offsets[entity + 1] { residual[rows[position]] -= change }
    }
  }

  /// Draws vⱼf of all features for one factor. `other` is the other block's sums for it, `otherOf` each rating's entity there.
  mutating func sweep(
    factor: Int, other: [Double], otherOf: [Int32], _ residual: inout [Double], noise: Double,
    random: inout Xoshiro256
  ) {
    Self.drawPriors(&latentPrior[factor], of: latent[factor], group, groupSizes, &random)
    var sums = gather(other, otherOf, residual)
    let (sumBefore, termBefore) = (latentSum[factor], ownTerm[factor])
    var v = latent[factor]
    var q = sumBefore
    for feature in v.indices {
      let range = features.offsets[feature]..<features.offsets[feature + 1]
      var (square, product) = (0.0, 0.0)
      for position in range {
        let (entity, x) = (Int(features.entity[position]), Double(features.value[position]))
        let own = q[entity] - x * v[feature]
        let s = sums[entity]
        square += x * x * (s.count * own * own + 2 * own * s.other + s.otherSquare)
        product += x * (own * s.residual + s.residualOther)
      }
      let prior = latentPrior[factor][Int(group[feature])]
      let precision = noise * square + prior.precision
      let mean = (noise * (product + square * v[feature]) + prior.precision * prior.mean) / precision
      let drawn = mean + random.nextNormal() / precision.squareRoot()
      let step = drawn - v[feature]
      for position in range {
        let (entity, x) = (Int(features.entity[position]), Double(features.value[position]))
        let own = q[entity] - x * v[feature]
        let change = step * x
        sums[entity].residual -= change * (own * sums[entity].count + sums[entity].other)
        sums[entity].residualOther -= change * (own * sums[entity].other + sums[entity].otherSquare)
        q[entity] += change
      }
      v[feature] = drawn
    }
    latent[factor] = v
    refresh(factor)
    spread(
      latentSum[factor], sumBefore, ownTerm[factor], termBefore, other, otherOf, &residual)
  }

  private func gather(_ other: [Double], _ otherOf: [Int32], _ residual: [Double]) -> [Sums] {
    var all = [Sums](repeating: Sums(), count: linearSum.count)
    for entity in all.indices {
      var sums = Sums()
      sums.count = Double(offsets[entity + 1] - offsets[entity])
      for position in offsets[entity]..<offsets[entity + 1] {
        let row = rows[position]
        let q = other[Int(otherOf[row])]
        sums.other += q
        sums.otherSquare += q * q
        sums.residual += residual[row]
        sums.residualOther += residual[row] * q
      }
      all[entity] = sums
    }
    return all
  }

  private func spread(
    _ sum: [Double], _ sumBefore: [Double], _ term: [Double], _ termBefore: [Double], _ other: [Double],
    _ otherOf: [Int32], _ residual: inout [Double]
  ) {
    for entity in sum.indices {
      let (step, constant) = (sum[entity] - sumBefore[entity], term[entity] - termBefore[entity])
      for position in offsets[entity]..<offsets[entity + 1] {
        let row = rows[position]
        residual[row] -= constant + step * other[Int(otherOf[row])]
      }
    }
  }

  /// Computes a factor's sums afresh, so that rounding does not build up.
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

  /// Draws each group's precision and mean given its parameters.
  private static func drawPriors(
    _ priors: inout [Prior], of parameters: [Double], _ group: [Int32], _ sizes: [Double], _ random: inout Xoshiro256
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
      let rate = hyper + squares[own] + hyper * mean * mean
      let precision = random.nextGamma(shape: (hyper + sizes[own] + 1) / 2) * 2 / rate
      let weight = sizes[own] + hyper
      priors[own] = Prior(
        mean: sums[own] / weight + random.nextNormal() / (precision * weight).squareRoot(), precision: precision)
    }
  }
}
