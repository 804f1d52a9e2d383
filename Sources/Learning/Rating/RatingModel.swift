/// A model of ratings that keeps what it learned of products and of attributes; customers are folded in from what they rated
/// and from what is known of them, so that a new one is not met blindly.
///
/// A standardised rating is Σ over blocks of cᵤ + cᵢ + pᵤᵀqᵢ, divided by the number of blocks. Factorisation has one block;
/// the factorisation machine one for each sample of its chain that it keeps.
public enum RatingModel: Hashable, Sendable {
  /// Biased matrix factorisation with what a customer rated at all (SVD++).
  case mf(BiasedFactorisation)
  /// Bayesian factorisation machine with attributes, of which `kept` samples are kept, spread evenly.
  case fm(FactorisationMachine, kept: Int)

  /// The family's name: "mf" or "fm".
  public var name: String {
    switch self {
    case .mf: "mf"
    case .fm: "fm"
    }
  }

  /// Latent factors of a block.
  var factors: Int {
    switch self {
    case .mf(let model): model.factors
    case .fm(let model, _): model.factors
    }
  }

  /// Blocks that a rating is the mean of.
  var blocks: Int {
    switch self {
    case .mf: 1
    case .fm(_, let kept): kept
    }
  }

  /// Numbers of a block that a rating takes of each product: cᵢ, then qᵢ.
  var blockColumns: Int { 1 + factors }

  /// Numbers kept of each product: the blocks' one after another; behind factorisation's also yᵢ.
  public var columns: Int {
    switch self {
    case .mf: 1 + 2 * factors
    case .fm: blocks * blockColumns
    }
  }

  /// Learns from a study's ratings: numbers of each product [products × columns], and what folds customers in.
  ///
  /// Throws `cancelled` if the task is cancelled meanwhile.
  func fit(_ study: Study, seed: UInt64) throws(LearningError) -> (products: [Float], fit: RatingFit) {
    let ratings = study.ratings()
    let scale = RatingScale(ratings)
    switch self {
    case .mf(let model):
      let prior = RatingFit.Prior(
        mean: [Float](repeating: 0, count: blockColumns),
        precision: [Float(BiasedFactorisation.biasRegularisation)]
          + [Float](repeating: Float(model.regularisation), count: factors))
      let block = RatingFit.Block(
        offset: 0, noise: 1, customers: prior, customerAttributes: [], products: prior, productAttributes: [])
      return (
        try model.items(train: ratings, scale, seed: seed),
        RatingFit(scale: scale, customerFeatures: [], productFeatures: [], blocks: [block])
      )
    case .fm(let model, let kept):
      return try model.fit(ratings, scale, study.attributes, kept: kept, seed: seed)
    }
  }
}

extension FactorisationMachine {
  /// Samples the chain, and keeps some of it: of the products the mean given everything else of the sample, which varies less
  /// than what was drawn. The time of ratings is not looked at: lists are for sittings to come, of which it says nothing.
  fileprivate func fit(
    _ ratings: Observations, _ scale: RatingScale, _ attributes: EntityAttributes, kept: Int, seed: UInt64
  ) throws(LearningError) -> (products: [Float], fit: RatingFit) {
    precondition((1...samples).contains(kept), "of the samples some are kept")
    let standardised = ratings.with(values: ratings.value.map(scale.standard))
    let products = ProductFolding(standardised, attributes.products)
    let columns = 1 + factors
    var blocks: [RatingFit.Block] = []
    var rows: [[Float]] = []
    if ratings.count > 0 {
      var sampler = GibbsSampler(
        train: standardised, users: attributes.customers.sideInformation(entities: ratings.users),
        items: attributes.products.sideInformation(entities: ratings.items), factors: factors, usesTime: false,
        seed: seed)
      for iteration in 1...burnIn + samples {
        if Task.isCancelled { throw .cancelled }
        sampler.sweep()
        // Those kept are as far from each other as they can be, and end with the last.
        guard iteration > burnIn, (burnIn + samples - iteration) % (samples / kept) == 0 else { continue }
        blocks.append(RatingFit.Block(sampler))
        rows.append(products.rows(sampler))
      }
      (blocks, rows) = (Array(blocks.suffix(kept)), Array(rows.suffix(kept)))
    } else {
      blocks = [RatingFit.Block](repeating: .ignorant(columns, attributes), count: kept)
      rows = blocks.map { _ in [Float](repeating: 0, count: ratings.items * columns) }
    }
    return (
      (0..<ratings.items).flatMap { item in rows.flatMap { $0[item * columns..<(item + 1) * columns] } },
      RatingFit(
        scale: scale, customerFeatures: attributes.customers.features, productFeatures: attributes.products.features,
        blocks: blocks)
    )
  }
}

/// Products' ratings, to fold products in by a sample's customers.
private struct ProductFolding {
  private let ratings: Observations
  /// Numbers of the ratings by product, and where each product's start.
  private let numbers: [Int]
  private let starts: [Int]
  /// Places of the attributes' values that each product has.
  private let attributes: [[Int]]

  init(_ ratings: Observations, _ attributes: [EntityAttribute]) {
    self.ratings = ratings
    (numbers, starts) = Array(0..<ratings.count).countingSorted(by: ratings.item[...], keys: ratings.items)
    let places = Dictionary(attributes.features.enumerated().map { ($1, $0) }) { first, _ in first }
    self.attributes = (0..<ratings.items).map { attributes.places(of: $0, in: places) }
  }

  /// Constant and vector of each product, [items × (1 + factors)].
  func rows(_ sampler: GibbsSampler) -> [Float] {
    let block = RatingFit.Block(sampler)
    let width = block.products.mean.count
    let users = sampler.users.rows()
    return (0..<ratings.items).flatMap { item in
      let own = numbers[starts[item]..<starts[item + 1]]
      let row = FoldedRow(
        block.products, strength: 1, noise: block.noise,
        FoldedRow.Base(block.productAttributes, attributes[item], width: width), others: users,
        places: own.map { Int(ratings.user[$0]) * width },
        values: own.map { ratings.value[$0] - Double(block.offset) })
      return row.values.map { Float($0) }
    }
  }
}

extension RatingFit.Block {
  /// The sampler's present sample.
  fileprivate init(_ sampler: GibbsSampler) {
    self.init(
      offset: Float(sampler.offset), noise: Float(sampler.noise), customers: RatingFit.Prior(sampler.users.ownPriors),
      customerAttributes: sampler.users.attributeParameters(), products: RatingFit.Prior(sampler.items.ownPriors),
      productAttributes: sampler.items.attributeParameters())
  }

  /// What is known where nobody has rated anything.
  fileprivate static func ignorant(_ columns: Int, _ attributes: EntityAttributes) -> RatingFit.Block {
    let prior = RatingFit.Prior(
      mean: [Float](repeating: 0, count: columns), precision: [Float](repeating: 1, count: columns))
    return RatingFit.Block(
      offset: 0, noise: 1, customers: prior,
      customerAttributes: [Float](repeating: 0, count: attributes.customers.features.count * columns), products: prior,
      productAttributes: [Float](repeating: 0, count: attributes.products.features.count * columns))
  }
}

extension RatingFit.Prior {
  fileprivate init(_ priors: [FeatureBlock.Prior]) {
    self.init(mean: priors.map { Float($0.mean) }, precision: priors.map { Float($0.precision) })
  }
}
