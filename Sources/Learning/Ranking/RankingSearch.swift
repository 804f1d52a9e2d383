/// Chooses a ranking model and its options on the last slice of train, cut by time; it never sees a test row.
///
/// Coordinate search: each family starts from its first choices and takes up, option by option, the value with the
/// best NDCG@10 on the slice. Families race: after every option the worse half drops out, as in successive halving
/// (Jamieson, Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016).
public struct RankingSearch: Sendable {
  /// One recipe that was judged on the slice.
  public struct Trial: Sendable {
    /// What was tried.
    public let recipe: RankingRecipe
    /// NDCG@10 on the validation slice.
    public let ndcg: Double
  }

  /// What was tried, in order.
  public private(set) var trials: [Trial] = []
  /// The best of them.
  public private(set) var best: RankingRecipe

  /// Share of train's rows that a trial is fitted on; it is judged on the rest.
  public static let fittedShare = 0.8

  /// Searches the families, the caller's `fixed` options left as they are.
  ///
  /// Throws `unusableOption` for an option that no family has or whose value lies outside its range.
  public init(
    _ families: [RankingRecipe.Family], fixed: [String: Double], train: Observations, seed: UInt64
  ) throws(LearningError) {
    precondition(!families.isEmpty, "a search needs a family")
    try Self.check(fixed, families)
    let (fitted, judged) = train.split(share: Self.fittedShare)
    var racers: [Racer] = []
    for family in families {
      let choices = RankingRecipe.choices(family)
      let known = RankingRecipe.ranges(family)
      var options = Dictionary(uniqueKeysWithValues: choices.map { ($0.option, $0.values[0]) })
      options.merge(fixed.filter { known[$0.key] != nil }) { $1 }
      racers.append(
        Racer(recipe: RankingRecipe(family: family, options: options), open: choices.filter { fixed[$0.option] == nil })
      )
    }
    best = racers[0].recipe
    while !racers.isEmpty {
      for index in racers.indices { try advance(&racers[index], fitted, judged, seed) }
      racers.sort { $0.ndcg > $1.ndcg }
      let isRace = racers.count > 1
      racers.removeAll { $0.open.isEmpty && !$0.isFresh }
      if isRace && racers.count > Self.finalists {
        racers.removeLast(racers.count - max(Self.finalists, racers.count / 2))
      }
    }
    if let winner = trials.max(by: { $0.ndcg < $1.ndcg }) { best = winner.recipe }
  }

  /// Families that keep racing until their options run out.
  private static let finalists = 2

  private struct Racer {
    var recipe: RankingRecipe
    var open: [(option: String, values: [Double])]
    var ndcg = -Double.infinity
    var isFresh = true
  }

  /// Tries the other values of the racer's next option; the first time the racer's start instead.
  private mutating func advance(
    _ racer: inout Racer, _ fitted: Observations, _ judged: Observations, _ seed: UInt64
  ) throws(LearningError) {
    var candidates = [racer.recipe]
    if !racer.isFresh {
      let next = racer.open.removeFirst()
      candidates = next.values.filter { $0 != racer.recipe[next.option] }.map { racer.recipe.with(next.option, $0) }
      // How fast a trend fades matters only where there is one.
      if next.option == "trend-days" && racer.recipe["trend"] == 0 { candidates = [] }
    }
    racer.isFresh = false
    for candidate in candidates {
      let scores = try candidate.fit(fitted, seed: seed)
      let ndcg = RankingEvaluation(of: scores, train: fitted, test: judged).ndcg
      trials.append(Trial(recipe: candidate, ndcg: ndcg))
      if ndcg > racer.ndcg { (racer.recipe, racer.ndcg) = (candidate, ndcg) }
    }
  }

  private static func check(_ fixed: [String: Double], _ families: [RankingRecipe.Family]) throws(LearningError) {
    for (option, value) in fixed.sorted(by: { $0.key < $1.key }) {
      let ranges = families.compactMap { RankingRecipe.ranges($0)[option] }
      guard let range = ranges.first else {
        let names = Set(families.flatMap { RankingRecipe.ranges($0).keys }).sorted().joined(separator: ", ")
        throw .unusableOption("no model has an option '\(option)'; there are: \(names)")
      }
      guard ranges.contains(where: { $0.contains(value) }) else {
        throw .unusableOption("option \(option)=\(value) lies outside \(range.lowerBound) to \(range.upperBound)")
      }
    }
  }
}
