/// The choice of a rating model on ratings held back from train.
public struct RatingSearch: Sendable {
  /// One recipe and its RMSE on the ratings held back.
  public struct Trial: Sendable {
    /// What was tried.
    public let recipe: RatingRecipe
    /// √ of the mean squared error, in units of the rating.
    public let rmse: Double
  }

  /// In the order in which they were tried; empty where there was nothing to choose.
  public private(set) var trials: [Trial] = []
  /// The recipe with the lowest RMSE.
  public private(set) var best: RatingRecipe

  /// Share of train's ratings, drawn at random, that trials are judged on.
  public static let judgedShare = 0.2
  /// With fewer ratings nothing is held back: the last family, which minds its own uncertainty, is taken as it is.
  static let minimumRatings = 50

  /// Judges each family with the caller's `fixed` options, and its defaults for the others.
  ///
  /// Throws `unusableOption` for an option that no family has or whose value lies outside its range, and `cancelled`.
  public init(
    _ families: [RatingRecipe.Family], fixed: [String: Double], train: Observations, users: SideInformation,
    items: SideInformation, seed: UInt64
  ) throws(LearningError) {
    guard let last = families.last else { preconditionFailure("a search needs a family") }
    let recipes = try Self.recipes(families, fixed)
    best = recipes.last ?? RatingRecipe(last)
    guard recipes.count > 1, train.count >= Self.minimumRatings else { return }
    var random = Xoshiro256(seed: seed)
    let order = random.shuffled(Array(0..<train.count))
    let judgedCount = Int(Double(train.count) * Self.judgedShare)
    let (judged, fitted) = (train.rows(order[..<judgedCount]), train.rows(order[judgedCount...]))
    for recipe in recipes {
      let predictions = try recipe.predictions(train: fitted, asked: judged, users: users, items: items, seed: seed)
      trials.append(Trial(recipe: recipe, rmse: Metrics.rootMeanSquare(zip(predictions, judged.value).map { $0 - $1 })))
    }
    if let winner = trials.min(by: { $0.rmse < $1.rmse }) { best = winner.recipe }
  }

  private static func recipes(
    _ families: [RatingRecipe.Family], _ fixed: [String: Double]
  ) throws(LearningError) -> [RatingRecipe] {
    let known = Set(families.flatMap { RatingRecipe.optionNames($0) })
    for option in fixed.keys.sorted() where !known.contains(option) {
      throw .unusableOption("no model has an option '\(option)'; there are: \(known.sorted().joined(separator: ", "))")
    }
    var recipes: [RatingRecipe] = []
    for family in families {
      let own = Set(RatingRecipe.optionNames(family))
      recipes.append(try RatingRecipe(family, options: fixed.filter { own.contains($0.key) }))
    }
    return recipes
  }
}
