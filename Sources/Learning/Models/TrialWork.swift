/// How much work a trial is, reckoned from sizes: about as many nanoseconds as it takes one core.
///
/// A multiply-add that gathers counts 1, one of dense algebra 1/24. Only proportions matter much, and that the same sizes
/// give the same figure everywhere.
struct TrialWork {
  private static let dense = 1 / 24.0
  /// Units for each row that a calibration looks at.
  private static let calibrationPerRow = 500.0
  /// Conjugate gradient steps of ALS, the first residual and the right side.
  private static let alsSteps = 5.0
  /// Steps in which a customer is folded in, as a rule.
  private static let foldInSteps = 12.0

  /// Units of a step of gradient descent for each rating and factor.
  private static let descentPerRating = 11.0
  /// Units of a Gibbs sample for each rating and factor, both sides.
  private static let samplingPerRating = 16.0
  /// The same for each customer and product.
  private static let samplingPerEntity = 40.0
  /// Units for each value of an example that a level of a tree is grown over.
  private static let treePerValue = 2.0
  /// Units for each value of a candidate's row.
  private static let rowPerValue = 5.0

  private let customers: Double
  private let products: Double
  /// Pairs with interest.
  private let nonZeros: Double
  /// Σ over customers of their pairs, squared.
  private let squares: Double
  private let judged: Double
  private let rows: Double
  private let ratings: Double
  /// Times that whatever hangs on chance is done.
  private let seeds: Double

  init(_ study: Study, _ slice: ValidationRows) {
    let interest = study.interest(halfLifeDays: 60)
    customers = Double(interest.rows)
    products = Double(interest.columns)
    nonZeros = Double(interest.count)
    squares = (0..<interest.rows).reduce(0) { sum, row in
      let length = Double(interest.offsets[row + 1] - interest.offsets[row])
      return sum + length * length
    }
    judged = Double(slice.customers)
    rows = Double(slice.first.count + (slice.first.ratings?.count ?? 0))
    ratings = slice.first.ratings == nil ? 0 : Double(study.ratings().count)
    seeds = Double(slice.draws.count)
  }

  /// The work of a fit on a share of the customers, and of judging it on that share.
  func of(_ recipe: Recipe, share: Double) -> Double { seeds * once(recipe, share: share) }

  /// The same for one seed.
  func once(_ recipe: Recipe, share: Double) -> Double {
    let judging = share * (judged * products * 2 + rows * Self.calibrationPerRow)
    switch recipe.kind {
    case .popularity: return judging
    case .als(let als, _, _):
      let f = Double(als.factors)
      let pass = 2 * Self.alsSteps * (2 * 2 * share * nonZeros * f + (share * customers + products) * f * f)
      let foldIn = Self.foldInSteps * share * (2 * nonZeros * f + judged * f * f)
      return judging + Self.dense * (Double(als.iterations) * pass + foldIn + share * judged * products * f)
    case .similarity(let similarity, _, _):
      let scoring = share * judged * (nonZeros / max(1, customers)) * min(products, Double(similarity.neighbours))
      guard case .ease = similarity.method else {
        return judging + scoring + 4 * share * squares + 20 * products * products
      }
      return judging + scoring + share * squares + Self.dense * products * products * products
    case .rating(let model, _):
      let f = Double(model.blockColumns)
      let entities = share * customers + products
      let foldIn = Double(model.blocks) * f * f * share * (ratings + judged * f)
      let fitting =
        switch model {
        case .mf(let model): Double(model.epochs) * f * (Self.descentPerRating * share * ratings + products)
        case .fm(let model, _):
          Double(model.samples + model.burnIn) * f
            * (Self.samplingPerRating * share * ratings + Self.samplingPerEntity * entities)
        }
      return judging + fitting + foldIn + Self.dense * share * judged * products * f * Double(model.blocks)
    case .stack(let stacking):
      // Each generator is fitted before the slice; at the cut the race has fitted it, as a rule.
      let generators = stacking.generators.reduce(0) { $0 + once($1, share: share) }
      let asked = min(judged, Double(Stacking.maximumCustomers))
      let candidates = Double(Stacking.candidatesEach * (stacking.generators.count + 1))
      let examples = asked * Double(Stacking.negatives + 1)
      let columns = Double(Generators.columns(models: stacking.generators.count))
      let depth = Double(stacking.trees.depth)
      let growing = examples * columns * Self.treePerValue * Double(stacking.trees.trees) * depth
      let rows = (asked + share * judged) * candidates
      return generators + growing + rows * (Self.rowPerValue * columns + Double(stacking.trees.trees) * depth)
    }
  }
}
