/// The state of a factorisation machine's Markov chain: both blocks, the sittings, the offset, the noise and every residual.
struct GibbsSampler {
  private(set) var users: FeatureBlock
  private(set) var items: FeatureBlock
  /// What the time of ratings says; nil = it is not looked at, or says nothing.
  private(set) var sittings: Sittings?
  private(set) var offset: Double
  /// Precision of a rating given all parameters, as the last sweep drew it.
  private(set) var noise = 1.0
  /// Rating − prediction of each row, in order of users, but for what `items` drew last.
  private(set) var residual: [Float]
  private let factors: Int
  private var random: Xoshiro256

  /// The noise's prior, in observations and squared error (α₀, β₀ of the paper).
  private static let hyper = 1.0
  /// Precision of the offset: as good as none is known before.
  private static let offsetPrecision = 1e-10

  init(
    train: Observations, users: SideInformation, items: SideInformation, factors: Int, usesTime: Bool, seed: UInt64
  ) {
    random = Xoshiro256(seed: seed)
    let lists = RatingLists.both(train)
    self.users = FeatureBlock(users, ratings: lists.users, factors: factors, random: &random)
    self.items = FeatureBlock(items, ratings: lists.items, factors: factors, random: &random)
    let sittings = usesTime ? Sittings(train, order: lists.order) : nil
    self.sittings = sittings?.isEmpty == false ? sittings : nil
    self.factors = factors
    offset = train.value.reduce(0, +) / Double(train.count)
    residual = []
    var predicted = [Double](repeating: 0, count: train.count)
    addPredictions(of: train, in: [], to: &predicted)
    residual = lists.order.map { Float(train.value[$0] - predicted[$0]) }
  }

  /// Draws everything once, each given all the rest.
  mutating func sweep() {
    users.gather(items, settling: factors - 1, for: nil, &residual)
    noise = drawNoise()
    if sittings != nil {
      sittings?.sweep(noise: noise, &residual, random: &random)
      users.resum(residual)
    }
    let shift = drawOffset(noise: noise)
    users.sweepLinear(noise: noise, shift: shift, random: &random)
    items.gather(users, settling: nil, for: nil, &residual)
    items.sweepLinear(noise: noise, shift: 0, random: &random)
    for factor in 0..<factors {
      users.gather(items, settling: factor > 0 ? factor - 1 : nil, for: factor, &residual)
      users.sweep(factor: factor, noise: noise, random: &random)
      items.gather(users, settling: factor, for: factor, &residual)
      items.sweep(factor: factor, noise: noise, random: &random)
    }
  }

  /// Adds the present sample's prediction of each row to `sums`. `runs`: those of the sittings that the rows belong to.
  func addPredictions(of rows: Observations, in runs: [[Int32]], to sums: inout [Double]) {
    sittings?.addEffects(of: runs, to: &sums)
    let (p, q) = (users.scoring(), items.scoring())
    for row in 0..<rows.count {
      let (u, i) = (Int(rows.user[row]), Int(rows.item[row]))
      var sum = offset + p.constant[u] + q.constant[i]
      for f in 0..<factors { sum += p.vectors[u * factors + f] * q.vectors[i * factors + f] }
      sums[row] += sum
    }
  }

  private mutating func drawNoise() -> Double {
    let squares = residual.reduce(0.0) { $0 + Double($1) * Double($1) }
    return random.nextGamma(shape: (Self.hyper + Double(residual.count)) / 2) * 2 / (Self.hyper + squares)
  }

  /// Draws the offset, and returns by how much it has grown.
  private mutating func drawOffset(noise: Double) -> Double {
    let count = Double(residual.count)
    let precision = noise * count + Self.offsetPrecision
    let mean = noise * (users.residualSum + count * offset) / precision
    let before = offset
    offset = mean + random.nextNormal() / precision.squareRoot()
    return offset - before
  }
}
