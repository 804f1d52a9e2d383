/// Picks a tenant's recipe on the validation slice, by successive halving under a budget of work.
///
/// All recipes are fitted on a share of the customers and judged on the same share of the slice's; the best quarter goes on
/// with four times the share, until those left have seen everybody. The first share is the least that leaves enough judged
/// customers to tell recipes apart, so that a small tenant's recipes are all tried in full, and a large one's cost little.
/// Work is reckoned from sizes and not timed (`TrialWork`): the same night takes the same choice on every machine.
///
/// NDCG@10 decides among the recipes that come near the least RMSE: what the gate asks first is whether the challenger's
/// RMSE beats what is live, what customers see is its ranking. Where RMSE is of ratings, the two can be far apart, and the
/// gate's guard holds among recipes as well: whoever loses more than its margin of NDCG@10 to another comes after all that
/// do not, lest a bad ranker challenge where a good one could have.
///
/// Source: Jamieson, Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016.
public struct ModelSearch: Sendable {
  /// One recipe as it did with one share of the customers.
  public struct Trial: Sendable {
    /// What was tried.
    public let recipe: Recipe
    /// Share of the customers, 0 to 1.
    public let share: Double
    /// Root mean square of calibrated probability against truth, on the slice that also calibrates.
    public let rmse: Double
    /// Ranking quality on the slice.
    public let ndcgAt10: Double
    /// Share of the eligible catalogue that the lists show together.
    public let coverage: Double
    let calibration: Calibration
  }

  /// What was tried, in order; of one round the best first.
  public private(set) var trials: [Trial] = []
  /// What could not be tried, and why.
  public private(set) var leftOut: [(recipe: Recipe, reason: String)] = []
  /// The recipe chosen; nil = none could be fitted.
  public private(set) var winner: Recipe?
  /// The winner's, fitted on the whole slice.
  public private(set) var calibration = Calibration.uninformed
  /// Work done, by the reckoning of `TrialWork`.
  public private(set) var work = 0.0
  /// Of the ratings that RMSE is of; nil = it is of probabilities.
  private let ratingScale: ClosedRange<Double>?

  /// Part of a round's least RMSE by which a recipe may exceed it and still be chosen for its ranking.
  public static let rmseMargin = 0.02
  /// Part of the best NDCG@10 of a round that a recipe may lose where RMSE is of ratings; the gate's margin.
  public static let ndcgMargin = 0.05

  /// Searches the recipes, the likeliest first.
  ///
  /// - Parameters:
  ///   - study: what had happened before the slice.
  ///   - rows: those of the slice.
  ///   - budget: work that the trials may take together, except that the first recipe is always tried.
  /// - Throws: `cancelled` if the task is cancelled, `hasSeenJudgingRows` for a study that reaches into the slice.
  public init(
    _ recipes: [Recipe], on study: Study, rows: JudgingRows, budget: Double, seed: UInt64
  ) throws(LearningError) {
    ratingScale = rows.ratings?.scale
    let reckoning = TrialWork(study, rows)
    var schedule = HalvingSchedule(recipes.count, judged: rows.customers.count, budget: budget) { index, share in
      reckoning.of(recipes[index], share: share)
    }
    for index in schedule.dropped {
      leftOut.append((recipes[index], "it would exceed the budget of work"))
    }
    var racers = schedule.kept.map { recipes[$0] }
    while !racers.isEmpty {
      let share = schedule.share
      let round = try judge(racers, share: share, study, rows, reckoning, seed)
      trials += round
      guard share < 1 else {
        winner = round.first?.recipe
        calibration = round.first?.calibration ?? .uninformed
        return
      }
      schedule.advance(survivors: round.count)
      racers = round.prefix(schedule.survivors).map(\.recipe)
    }
  }

  /// One round, the best first.
  private mutating func judge(
    _ recipes: [Recipe], share: Double, _ study: Study, _ rows: JudgingRows, _ reckoning: TrialWork, _ seed: UInt64
  ) throws(LearningError) -> [Trial] {
    var (sample, sampled) = (study, rows)
    if share < 1 {
      let chosen = Self.customers(study.history.customers, share: share, seed: seed)
      sample = study.only(chosen, halfLives: Set(recipes.compactMap(\.halfLifeDays)))
      sampled = rows.only(chosen)
    }
    let asked = sampled.judgedCustomers
    var fits: [Recipe: Fit] = [:]
    var round: [Trial] = []
    for recipe in recipes {
      if Task.isCancelled { throw .cancelled }
      do throws(LearningError) {
        if fits[recipe.ofFit] == nil { fits[recipe.ofFit] = try recipe.fit(sample, seed: seed) }
        guard let fit = fits[recipe.ofFit] else { continue }
        let scorer = Scorer(fit, recipe: recipe, study: sample, of: asked)
        round.append(try Trial(recipe, share: share, scorer, sampled))
        work += reckoning.of(recipe, share: share)
      } catch {
        guard case .tooLarge(let reason) = error else { throw error }
        leftOut.append((recipe, reason))
      }
    }
    return rows.ratings == nil ? Self.ranked(round) : Self.guarded(round)
  }

  /// Whoever ranks nearly as well as the best, then the others; each as `ranked`.
  static func guarded(_ trials: [Trial]) -> [Trial] {
    let bar = (trials.map(\.ndcgAt10).max() ?? 0) * (1 - ndcgMargin)
    return ranked(trials.filter { $0.ndcgAt10 >= bar }) + ranked(trials.filter { !($0.ndcgAt10 >= bar) })
  }

  /// Whoever comes near the least RMSE by NDCG@10, then the others by RMSE; equal ones as they stood.
  static func ranked(_ trials: [Trial]) -> [Trial] {
    let bar = (trials.map(\.rmse).min() ?? 0) * (1 + rmseMargin)
    let near = trials.filter { $0.rmse <= bar }.enumerated().sorted {
      (-$0.element.ndcgAt10, $0.offset) < (-$1.element.ndcgAt10, $1.offset)
    }
    let far = trials.filter { !($0.rmse <= bar) }.enumerated().sorted {
      ($0.element.rmse, $0.offset) < ($1.element.rmse, $1.offset)
    }
    return (near + far).map(\.element)
  }

  /// A share of the customers by a hash of each, so that a larger share holds every customer of a smaller one.
  private static func customers(_ count: Int, share: Double, seed: UInt64) -> [Bool] {
    let bound = UInt64(share * 0x1p63) << 1
    return (0..<count).map { customer in
      var hash = SplitMix64(seed: seed ^ UInt64(customer) &* 0x9E37_79B9_7F4A_7C15)
      return hash.next() < bound
    }
  }
}

extension ModelSearch.Trial {
  fileprivate init(
    _ recipe: Recipe, share: Double, _ scorer: Scorer, _ rows: JudgingRows
  ) throws(LearningError) {
    let (calibration, judgement) = try Judgement.calibrated(scorer, on: rows)
    self.init(
      recipe: recipe, share: share, rmse: judgement.rmse, ndcgAt10: judgement.ndcgAt10,
      coverage: judgement.coverage, calibration: calibration)
  }
}

extension ModelSearch {
  /// What was tried and why the winner won, for people.
  public var explanation: String {
    guard let winner, let last = trials.last, let best = trials.first(where: { $0.recipe == winner && $0.share == 1 })
    else { return "nothing could be tried" }
    let final = trials.filter { $0.share == last.share }
    var text =
      "\(Set(trials.map(\.recipe)).count) recipes tried, \(final.count) with every customer: \(winner) has "
      + "RMSE \(best.rmse.rounded4), NDCG@10 \(best.ndcgAt10.rounded4) on the validation slice"
    if let runnerUp = final.dropFirst().first {
      text += "; next \(runnerUp.recipe) with \(runnerUp.rmse.rounded4), \(runnerUp.ndcgAt10.rounded4)"
    }
    if let ranker = final.filter({ $0.ndcgAt10 > best.ndcgAt10 }).max(by: { $0.ndcgAt10 < $1.ndcgAt10 }) {
      text += "; \(ranker.recipe) ranks better, with an RMSE of \(ranker.rmse.rounded4)"
    }
    if let ratingScale {
      text += "; RMSE is of ratings, as a part of their scale \(ratingScale.lowerBound) to \(ratingScale.upperBound)"
    }
    for (recipe, reason) in leftOut { text += "; \(recipe) left out: \(reason)" }
    return text
  }
}

extension Double {
  fileprivate var rounded4: Double { (self * 10_000).rounded() / 10_000 }
}
