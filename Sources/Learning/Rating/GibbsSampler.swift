/// The state of a factorisation machine's Markov chain: both blocks, the offset, the noise and every residual.
struct GibbsSampler {
  private var users: FeatureBlock
  private var items: FeatureBlock
  private let user: [Int32]
  private let item: [Int32]
  private var offset: Double
  /// Rating − prediction of each row.
  private var residual: [Double]
  private let factors: Int
  private var random: Xoshiro256

  /// The noise's prior, in observations and squared error (α₀, β₀ of the paper).
  private static let hyper = 1.0
  /// Precision of the offset: as good as none is known before.
  private static let offsetPrecision = 1e-10

  init(train: Observations, users: SideInformation, items: SideInformation, factors: Int, seed: UInt64) {
    random = Xoshiro256(seed: seed)
    self.users = FeatureBlock(users, entity: train.user, factors: factors, random: &random)
    self.items = FeatureBlock(items, entity: train.item, factors: factors, random: &random)
    (user, item) = (train.user, train.item)
    self.factors = factors
    offset = train.value.reduce(0, +) / Double(train.count)
    residual = []
    var predicted = [Double](repeating: 0, count: train.count)
    addPredictions(of: train, to: &predicted)
    residual = zip(train.value, predicted).map { $0 - $1 }
  }

  /// Draws everything once, each given all the rest.
  mutating func sweep() {
    let squares = residual.reduce(0) { $0 + $1 * $1 }
    let count = Double(residual.count)
    let noise = random.nextGamma(shape: (Self.hyper + count) / 2) * 2 / (Self.hyper + squares)
    drawOffset(noise: noise)
    users.sweepLinear(&residual, noise: noise, random: &random)
    items.sweepLinear(&residual, noise: noise, random: &random)
    for factor in 0..<factors {
      users.sweep(
        factor: factor, other: items.latentSum[factor], otherOf: item, &residual, noise: noise, random: &random)
      items.sweep(
        factor: factor, other: users.latentSum[factor], otherOf: user, &residual, noise: noise, random: &random)
    }
  }

  /// Adds the present sample's prediction of each row to `sums`.
  func addPredictions(of rows: Observations, to sums: inout [Double]) {
    for row in 0..<rows.count {
      let (u, i) = (Int(rows.user[row]), Int(rows.item[row]))
      sums[row] += offset + users.linearSum[u] + items.linearSum[i]
    }
    for factor in 0..<factors {
      let (p, q) = (users.latentSum[factor], items.latentSum[factor])
      let (a, b) = (users.ownTerm[factor], items.ownTerm[factor])
      for row in 0..<rows.count {
        let (u, i) = (Int(rows.user[row]), Int(rows.item[row]))
        sums[row] += p[u] * q[i] + a[u] + b[i]
      }
    }
  }

  private mutating func drawOffset(noise: Double) {
    let count = Double(residual.count)
    let precision = noise * count + Self.offsetPrecision
    let mean = noise * (residual.reduce(0, +) + count * offset) / precision
    let drawn = mean + random.nextNormal() / precision.squareRoot()
    let step = drawn - offset
    for row in residual.indices { residual[row] -= step }
    offset = drawn
  }
}
