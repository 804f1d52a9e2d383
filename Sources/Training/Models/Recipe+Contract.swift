import Learning
import Messages

extension Recipe {
  static let maximumFactors: UInt32 = 1_024
  static let maximumIterations: UInt32 = 1_000
  private static let maximumNeighbours: UInt32 = 100_000
  private static let maximumGenerators = 16
  private static let maximumTrees: UInt32 = 10_000
  private static let maximumDepth: UInt32 = 12
  private static let maximumSliceDays: UInt32 = 365

  /// Reads the contract's message; a stack stands on `generators`. Throws `champion` for what this trainer cannot make or score.
  init(validating view: View<Proto.Recipe>, generators: [Recipe] = []) throws(TrainingError) {
    guard generators.isEmpty || view.name == "stack" else {
      throw .champion("its recipe '\(view.name)' has \(generators.count) generators")
    }
    let trend = try Self.number(view.trend_half_life_days, "trend_half_life_days")
    switch view.name {
    case "popularity":
      self.init(kind: .popularity, trendHalfLifeDays: trend)
    case "als":
      let regularisation = try Self.number(view.regularisation, "regularisation")
      guard (1...Self.maximumFactors).contains(view.factors), regularisation > 0,
        (1...Self.maximumIterations).contains(view.iterations)
      else { throw .champion("its recipe's factors, regularisation or iterations are out of range") }
      let als = ImplicitALS(
        factors: Int(view.factors), regularisation: regularisation, alpha: try Self.number(view.alpha, "alpha"),
        iterations: Int(view.iterations))
      self.init(
        kind: .als(
          als, halfLifeDays: try Self.number(view.half_life_days, "half_life_days"),
          trendWeight: try Self.number(view.trend_weight, "trend_weight")),
        trendHalfLifeDays: trend)
    case "knn", "ease":
      guard (1...Self.maximumNeighbours).contains(view.neighbours) else {
        throw .champion("its recipe's neighbours are out of range")
      }
      self.init(
        kind: .similarity(
          ItemSimilarity(try Self.method(view), neighbours: Int(view.neighbours)),
          halfLifeDays: try Self.number(view.half_life_days, "half_life_days"),
          trendWeight: try Self.number(view.trend_weight, "trend_weight")),
        trendHalfLifeDays: trend)
    case "mf", "fm":
      self.init(
        kind: .rating(
          try RatingModel(validating: view), trendWeight: try Self.number(view.trend_weight, "trend_weight")),
        trendHalfLifeDays: trend)
    case "stack": try self.init(stack: view, generators, trendHalfLifeDays: trend)
    case let name:
      throw .champion("its recipe '\(name)' is not known to this trainer")
    }
  }

  private init(
    stack view: View<Proto.Recipe>, _ generators: [Recipe], trendHalfLifeDays: Double
  ) throws(TrainingError) {
    guard (1...Self.maximumGenerators).contains(generators.count),
      generators.allSatisfy({
        $0.stacking == nil && $0.kind != .popularity && $0.trendHalfLifeDays == trendHalfLifeDays
      })
    else { throw .champion("its recipe stacks \(generators.count) generators, or one that can be none") }
    let rate = try Self.number(view.learning_rate, "learning_rate")
    guard (1...Self.maximumTrees).contains(view.trees), (1...Self.maximumDepth).contains(view.depth), rate > 0,
      (1...Self.maximumSliceDays).contains(view.slice_days)
    else { throw .champion("its recipe's trees, depth, learning_rate or slice_days are out of range") }
    let trees = BoostedTrees.Settings(
      trees: Int(view.trees), depth: Int(view.depth), learningRate: rate, isPairwise: view.pairwise)
    self.init(
      kind: .stack(Stacking(generators: generators, trees: trees, sliceDays: Int(view.slice_days))),
      trendHalfLifeDays: trendHalfLifeDays)
  }

  /// Writes the contract's message; a stack's generators have messages of their own.
  func fill(_ draft: Draft<Proto.Recipe>) {
    draft.name = name
    draft.trend_half_life_days = trendHalfLifeDays
    switch kind {
    case .popularity: break
    case .als(let als, let halfLifeDays, let trendWeight):
      draft.factors = UInt32(als.factors)
      draft.regularisation = als.regularisation
      draft.alpha = als.alpha
      draft.iterations = UInt32(als.iterations)
      draft.half_life_days = halfLifeDays
      draft.trend_weight = trendWeight
    case .similarity(let similarity, let halfLifeDays, let trendWeight):
      switch similarity.method {
      case .cosine: draft.weighting = "cosine"
      case .bm25: draft.weighting = "bm25"
      case .ease(let regularisation): draft.regularisation = regularisation
      }
      draft.neighbours = UInt32(similarity.neighbours)
      draft.half_life_days = halfLifeDays
      draft.trend_weight = trendWeight
    case .rating(let model, let trendWeight):
      model.fill(draft)
      draft.trend_weight = trendWeight
    case .stack(let stacking):
      draft.trees = UInt32(stacking.trees.trees)
      draft.depth = UInt32(stacking.trees.depth)
      draft.learning_rate = stacking.trees.learningRate
      draft.pairwise = stacking.trees.isPairwise
      draft.slice_days = UInt32(stacking.sliceDays)
    }
  }

  private static func method(_ view: View<Proto.Recipe>) throws(TrainingError) -> ItemSimilarity.Method {
    switch (view.name, view.weighting) {
    case ("knn", "cosine"): return .cosine
    case ("knn", "bm25"): return .bm25
    case ("ease", _):
      let regularisation = try number(view.regularisation, "regularisation")
      guard regularisation > 0 else { throw .champion("its recipe's regularisation is 0") }
      return .ease(regularisation: regularisation)
    default: throw .champion("its recipe's weighting '\(view.weighting)' is not known to this trainer")
    }
  }

  private static func number(_ value: Double, _ field: String) throws(TrainingError) -> Double {
    guard value.isFinite, value >= 0 else { throw .champion("its recipe's \(field) is \(value)") }
    return value
  }
}
