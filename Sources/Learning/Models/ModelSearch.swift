/// Picks a tenant's recipe on the validation slice, by successive halving under a budget of work.
///
/// All recipes are fitted on a share of the customers and judged on the same share of the slice's; the best quarter goes on
/// with four times the share, until those left have seen everybody. The first share is the least that leaves enough judged
/// customers to tell recipes apart, so that a small tenant's recipes are all tried in full, and a large one's cost little.
/// In the last round a stack on the best recipe of each family joins. Work is reckoned from sizes and not timed (`TrialWork`):
/// the same night takes the same choice on every machine.
///
/// NDCG@10 decides among the recipes that come near the least RMSE: what the gate asks first is whether the challenger's
/// RMSE beats what is live, what customers see is its ranking. Where few customers are judged, each figure is the mean over
/// several seeds of the fit and of the draw of rows, so that a lucky one does not win. Where RMSE is of ratings, it and
/// NDCG@10 can be far apart, and the gate's guard holds among recipes as well: whoever loses more than its margin of NDCG@10
/// to another comes after all that do not, lest a bad ranker challenge where a good one could have.
///
/// Source: Jamieson, Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016.
public struct ModelSearch: Sendable {
  /// One recipe as it did with one share of the customers.
  public struct Trial: Sendable {
    /// What was tried.
    public let recipe: Recipe
    /// Share of the customers, 0 to 1.
    public let share: Double
    /// Root mean square of calibrated probability against truth, on the slice that also calibrates; the mean over the seeds.
    public let rmse: Double
    /// Ranking quality on the slice, the mean over the seeds.
    public let ndcgAt10: Double
    /// Share of the eligible catalogue that the lists show together, by the first seed.
    public let coverage: Double
    /// Of the first seed, which is that of the night's fits.
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
  /// Seeds that each figure is the mean of.
  public let seeds: Int

  /// Part of a round's least RMSE by which a recipe may exceed it and still be chosen for its ranking.
  public static let rmseMargin = 0.02
  /// Part of the best NDCG@10 of a round that a recipe may lose where RMSE is of ratings; the gate's margin.
  public static let ndcgMargin = 0.05

  /// Part of the budget that a stack's generator may take at most, as it is fitted at four cuts of a night.
  private static let generatorShare = 1 / 6.0

  private let study: Study
  private let slice: ValidationRows
  private let reckoning: TrialWork
  private let seed: UInt64

  /// Searches the recipes, the likeliest first.
  ///
  /// - Parameters:
  ///   - trees: how the second stage of the stack is grown that joins in the last round; nil = none does.
  ///   - study: what had happened before the slice.
  ///   - budget: work that the trials may take together, except that the first recipe is always tried.
  /// - Throws: `cancelled` if the task is cancelled, `hasSeenJudgingRows` for a study that reaches into the slice.
  public init(
    _ recipes: [Recipe], stackedBy trees: BoostedTrees.Settings?, on study: Study, slice: ValidationRows,
    budget: Double, seed: UInt64
  ) throws(LearningError) {
    (self.study, self.slice, self.seed) = (study, slice, seed)
    ratingScale = slice.first.ratings?.scale
    seeds = slice.draws.count
    reckoning = TrialWork(study, slice)
    let reckoning = reckoning
    func stack(_ recipes: [Recipe]) -> Recipe? {
      let affordable = recipes.filter { reckoning.once($0, share: 1) <= Self.generatorShare * budget }
      return trees.flatMap { Recipe(stacking: affordable.bestOfFamilies, trees: $0, sliceDays: slice.days) }
    }
    var schedule = HalvingSchedule(
      recipes.count, judged: slice.customers, budget: budget,
      finale: { kept in stack(kept.map { recipes[$0] }).map { reckoning.of($0, share: 1) } ?? 0 },
      work: { reckoning.of(recipes[$0], share: $1) })
    leftOut = schedule.dropped.map { (recipes[$0], Self.beyondBudget) }
    var racers = schedule.kept.map { recipes[$0] }
    while !racers.isEmpty {
      let share = schedule.share
      var round = try judge(racers, share: share)
      if share == 1, let stack = stack(ranked(round, before: trials).map(\.recipe)) {
        if schedule.hasFinale {
          round += try judge([stack], share: 1)
        } else {
          leftOut.append((stack, Self.beyondBudget))
        }
      }
      round = ordered(round)
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

  private static let beyondBudget = "it would exceed the budget of work"

  /// The trials of some recipes, in their order, without those that could not be fitted.
  private mutating func judge(_ recipes: [Recipe], share: Double) throws(LearningError) -> [Trial] {
    var (sample, sampled) = (study, slice)
    if share < 1 {
      let chosen = Self.customers(study.history.customers, share: share, seed: seed)
      sample = study.only(chosen, halfLives: Set(recipes.compactMap(\.halfLifeDays)))
      sampled = slice.only(chosen)
    }
    var round: [Trial] = []
    for recipe in recipes {
      if Task.isCancelled { throw .cancelled }
      do throws(LearningError) {
        round.append(try Trial(recipe, share: share, sample, sampled, seed: seed))
        work += reckoning.of(recipe, share: share)
      } catch {
        switch error {
        case .tooLarge(let reason), .malformedFit(let reason): leftOut.append((recipe, reason))
        default: throw error
        }
      }
    }
    return round
  }

  /// Best first: where RMSE is of ratings, whoever ranks nearly as well as the best before the others.
  private func ordered(_ trials: [Trial]) -> [Trial] {
    ratingScale == nil ? Self.ranked(trials) : Self.guarded(trials)
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

  /// A round's trials, best first, and behind them those of earlier rounds, the latest round first.
  private func ranked(_ round: [Trial], before earlier: [Trial]) -> [Trial] {
    let shares = Set(earlier.map(\.share)).sorted(by: >)
    return ordered(round) + shares.flatMap { share in earlier.filter { $0.share == share } }
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
    _ recipe: Recipe, share: Double, _ study: Study, _ slice: ValidationRows, seed: UInt64
  ) throws(LearningError) {
    var scorer: Scorer?
    var (rmse, ndcg, coverage, calibration) = (0.0, 0.0, 0.0, Calibration.uninformed)
    for (number, rows) in slice.draws.enumerated() {
      // What no chance made is the same whatever the seed.
      if recipe.isByChance || scorer == nil {
        let fit = try study.fit(recipe, seed: seed &+ UInt64(number))
        scorer = Scorer(fit, recipe: recipe, study: study, of: rows.judgedCustomers)
      }
      guard let scorer else { continue }
      let (own, judgement) = try Judgement.calibrated(scorer, on: rows)
      rmse += judgement.rmse / Double(slice.draws.count)
      ndcg += judgement.ndcgAt10 / Double(slice.draws.count)
      if number == 0 { (coverage, calibration) = (judgement.coverage, own) }
    }
    guard rmse.isFinite, ndcg.isFinite else { throw .malformedFit("its scores are no numbers") }
    self.init(recipe: recipe, share: share, rmse: rmse, ndcgAt10: ndcg, coverage: coverage, calibration: calibration)
  }
}

extension Sequence<Recipe> {
  /// The first of each family, in order; popularity and stacks are none that a stack could stand on.
  fileprivate var bestOfFamilies: [Recipe] {
    var families = Set<String>()
    return filter { $0.halfLifeDays != nil && families.insert($0.name).inserted }
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
    if seeds > 1 {
      text += ", like all figures the mean of \(seeds) seeds, as only \(slice.customers) customers are judged"
    }
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
