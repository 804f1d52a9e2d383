import Foundation

/// Chooses a ranking model and its options on slices of train, cut by time; it never sees a test row.
///
/// Successive halving (Jamieson, Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
/// AISTATS 2016) in which what grows is the number of slices: every family starts with a draw of its combinations, judged
/// on the latest slice; the better half of them goes on to two slices, the better half of those to all. The best of
/// each family then climbs, one step in one option at a time, while that raises the mean over the slices. Whatever has the best mean
/// NDCG@10 over all slices wins: several slices, because one alone has a season of its own.
public struct RankingSearch: Sendable {
  /// One recipe that was judged.
  public struct Trial: Sendable {
    /// What was tried.
    public let recipe: RankingRecipe
    /// NDCG@10 on each slice of train that it was judged on, the latest first.
    public let slices: [Double]

    /// Their mean; NaN where nobody could be judged.
    public var ndcg: Double { slices.reduce(0, +) / Double(slices.count) }
  }

  /// What was tried, the best blend of each fit, in order.
  public private(set) var trials: [Trial] = []
  /// The best of them.
  public private(set) var best: RankingRecipe

  /// Why the best won: its mean, and those of the best of every other family.
  public var reason: String {
    guard let judged = trials.last(where: { $0.recipe == best }) else {
      return "nobody in train could be judged, so that nothing spoke against \(best.family.rawValue)"
    }
    let rivals = RankingRecipe.Family.allCases.filter { $0 != best.family }.compactMap { family in
      let own = trials.filter { $0.recipe.family == family && $0.slices.count == judged.slices.count }
      return own.max { $0.ndcg < $1.ndcg }
    }
    let others = rivals.sorted { $0.ndcg > $1.ndcg }.map { "\($0.recipe.family.rawValue) \(Self.text($0.ndcg))" }
    return "mean NDCG@10 over \(judged.slices.count) slices of train: \(best.family.rawValue) \(Self.text(judged.ndcg))"
      + (others.isEmpty ? "" : ", before " + others.joined(separator: ", "))
  }

  private static func text(_ figure: Double) -> String { String(format: "%.4f", figure) }

  /// Slices of train that the last ones standing are judged on.
  public static let slices = 3
  /// Share of the rows up to a slice's end that a fit sees; the rest is the slice.
  public static let fittedShare = 0.8
  /// Fits that each family starts with.
  private static let starts = 12
  /// Times that a family's best may be bettered step by step.
  private static let climbs = 4

  private let seed: UInt64
  private let threads: Int
  private let judges: [ValidationSlice]
  private let mayContinue: @Sendable () -> Bool

  /// Searches the families, the caller's `fixed` options left as they are.
  ///
  /// Throws `unusableOption` for an option that no family has or whose value lies outside its range.
  ///
  /// - Parameter threads: fits that run side by side, each on one thread: their number changes no figure.
  /// - Parameter mayContinue: asked before each fit but a family's first; once it says no, the best so far wins.
  public init(
    _ families: [RankingRecipe.Family], fixed: [String: Double], train: Observations, seed: UInt64, threads: Int = 1,
    mayContinue: @escaping @Sendable () -> Bool = { true }
  ) throws(LearningError) {
    precondition(!families.isEmpty, "a search needs a family")
    self.seed = seed
    self.threads = threads
    self.mayContinue = mayContinue
    judges = ValidationSlice.last(Self.slices, of: train)
    // A stack stands on every other family's best, so that they all race for it.
    let racing = families.contains(.stack) ? RankingRecipe.Family.allCases.filter { $0 != .stack } : families
    try Self.checkNames(fixed, families + racing)
    let threadsOfCaller = LinearAlgebra.threads
    LinearAlgebra.setThreads(1)
    defer { LinearAlgebra.setThreads(threadsOfCaller) }
    var arms: [Arm] = []
    for family in racing {
      let space = try RankingSpace(family, fixed: fixed)
      arms += space.starts(Self.starts, seed: seed).enumerated().map { Arm(space, $1, isFirst: $0 == 0) }
    }
    best = arms[0].blends[0]
    for judged in judges.indices {
      try judge(&arms, upTo: judged + 1)
      if judged + 1 < judges.count { arms = racing.flatMap { Self.betterHalf(arms, of: $0) } }
    }
    for family in racing { try climb(&arms, family) }
    if families.contains(.stack) {
      let models = racing.filter { $0 != .popular }.compactMap { Self.best(of: arms, $0)?.recipe }
      let space = try RankingSpace(.stack, fixed: fixed, stacking: models)
      var stack = space.starts(1, seed: seed).map { Arm(space, $0, isFirst: families == [.stack]) }
      try judge(&stack, upTo: judges.count, StackWorkshop(models))
      arms = arms.filter { families.contains($0.recipe.family) } + stack
    }
    // Every family is compared on as many slices as all of them came to, should time have run out.
    let common = families.compactMap { Self.best(of: arms, $0)?.slices.count }.filter { $0 > 0 }.min() ?? 0
    let judged = arms.filter { $0.slices.count >= common }
    if let winner = judged.max(by: { $0.mean(first: common) < $1.mean(first: common) }) { best = winner.recipe }
  }

  /// A fit in the race, with all its blends.
  private struct Arm: Sendable {
    let space: RankingSpace
    let blends: [RankingRecipe]
    let isFirst: Bool
    /// NDCG@10 [slices × blends].
    var slices: [[Double]] = []

    init(_ space: RankingSpace, _ fit: RankingRecipe, isFirst: Bool) {
      self.space = space
      blends = space.blended(fit)
      self.isFirst = isFirst
    }

    /// Index of the blend with the best mean; the first where there is none.
    private var bestBlend: Int {
      blends.indices.max { mean(of: $0, slices.count) < mean(of: $1, slices.count) } ?? 0
    }
    private func mean(of blend: Int, _ count: Int) -> Double {
      slices.prefix(count).reduce(0) { $0 + $1[blend] } / Double(max(1, count))
    }

    var recipe: RankingRecipe { blends[bestBlend] }
    var mean: Double { mean(first: slices.count) }
    /// Mean of the best blend over the latest `count` slices.
    func mean(first count: Int) -> Double { mean(of: bestBlend, count) }
    var trial: Trial { Trial(recipe: recipe, slices: slices.map { $0[bestBlend] }) }
  }

  /// Brings every arm up to `count` judged slices, as far as time allows.
  private mutating func judge(
    _ arms: inout [Arm], upTo count: Int, _ workshop: StackWorkshop? = nil
  ) throws(LearningError) {
    let open = arms.indices.filter { arms[$0].slices.count < count }
    let jobs = open.flatMap { arm in (arms[arm].slices.count..<count).map { (arm: arm, slice: $0) } }
    let (judges, seed, mayContinue, racing) = (judges, seed, mayContinue, arms)
    let results = concurrently(jobs.count, threads: threads) { number -> Result<[Double]?, LearningError> in
      let (arm, slice) = jobs[number]
      guard (racing[arm].isFirst && slice == 0) || mayContinue() else { return .success(nil) }
      do throws(LearningError) {
        return .success(try judges[slice].ndcg(racing[arm].blends, seed: seed, workshop: workshop))
      } catch {
        return .failure(error)
      }
    }
    var grown = Set<Int>()
    for (job, result) in zip(jobs, results) where arms[job.arm].slices.count == job.slice {
      guard let figures = try result.get() else { continue }
      arms[job.arm].slices.append(figures)
      grown.insert(job.arm)
    }
    trials += grown.sorted().map { arms[$0].trial }
  }

  /// Moves to a better neighbour of the family's best while there is one.
  private mutating func climb(_ arms: inout [Arm], _ family: RankingRecipe.Family) throws(LearningError) {
    guard !judges.isEmpty else { return }
    var tried = Set(trials.filter { $0.slices.count == judges.count }.map(\.recipe))
    for _ in 0..<Self.climbs {
      guard let top = Self.best(of: arms, family), top.slices.count == judges.count else { return }
      let fits = top.space.neighbours(of: top.recipe).map { Arm(top.space, $0, isFirst: false) }
      var fresh = fits.filter { !tried.contains($0.blends[0]) }
      try judge(&fresh, upTo: judges.count)
      tried.formUnion(fresh.map { $0.blends[0] })
      arms += fresh
      guard fresh.contains(where: { $0.slices.count == judges.count && $0.mean > top.mean }) else { return }
    }
  }

  /// The family's arm with the best mean among those judged on the most slices.
  private static func best(of arms: [Arm], _ family: RankingRecipe.Family) -> Arm? {
    let own = arms.filter { $0.recipe.family == family }
    let most = own.map(\.slices.count).max()
    return own.filter { $0.slices.count == most }.max { $0.mean < $1.mean }
  }

  private static func betterHalf(_ arms: [Arm], of family: RankingRecipe.Family) -> [Arm] {
    let own = arms.filter { $0.recipe.family == family && !$0.slices.isEmpty }.sorted { $0.mean > $1.mean }
    return Array(own.prefix((own.count + 1) / 2))
  }

  private static func checkNames(
    _ fixed: [String: Double], _ families: [RankingRecipe.Family]
  ) throws(LearningError) {
    let known = Set(families.flatMap { RankingRecipe.ranges($0).keys })
    if let unknown = fixed.keys.sorted().first(where: { !known.contains($0) }) {
      throw .unusableOption(
        "no model has an option '\(unknown)'; there are: \(known.sorted().joined(separator: ", "))")
    }
  }
}
