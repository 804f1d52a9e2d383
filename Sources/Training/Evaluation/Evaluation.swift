import Learning
import Messages

/// The figures of a night, for control to decide by.
struct Evaluation: Sendable {
  private struct Judged: Sendable {
    let candidate: Candidate
    let judgement: Judgement
  }

  /// What may be baked, whether or not it could be judged.
  private(set) var candidates: [Candidate] = []
  private var judged: [Judged] = []
  private var judgedCustomers = 0
  private var judgedRows = 0
  /// Of the ratings that RMSE is of; nil = it is of probabilities.
  private var ratingScale: ClosedRange<Double>?
  private var bootstrap = Bootstrap(seed: 0)
  /// What was tried for the challenger; nil = nothing.
  private(set) var search: ModelSearch?
  private let data: TenantData
  /// Where the fits of what control orders will be cut, µs.
  private let servedCut: Int64
  /// Why the champion could not be judged or baked; empty = it could, or there is none.
  private(set) var championProblem = ""

  /// An evaluation in which nothing is judged: of a tenant under the floor, or of one that is only baked anew.
  init(unjudged candidates: [Candidate], of night: Night, championProblem: String) {
    self.candidates = candidates
    (data, servedCut) = (night.data, night.cuts.served)
    self.championProblem = championProblem
  }

  /// Chooses the challenger on the validation slice, and judges it, popularity and the champion on the same rows.
  ///
  /// A champion that must not be judged (its fit has seen the rows) is reported, and stays out.
  init(
    _ night: Night, champion: Candidate?, championProblem: String, stages: Stages
  ) throws(LearningError) {
    (data, servedCut) = (night.data, night.cuts.served)
    self.championProblem = championProblem
    let calibrationRows = stages.time(.features) { night.calibrationRows() }
    search = try stages.time(.tries) { () throws(LearningError) in try night.search(calibrationRows) }
    stages.reach(.searched)
    let rows = stages.time(.features) { night.judgingRows() }
    (judgedCustomers, judgedRows, ratingScale) = (rows.customers.count, rows.judgedRows, rows.ratings?.scale)
    bootstrap = night.bootstrap
    if let winner = search?.winner, let calibration = search?.calibration {
      let model = try stages.time(.judging) { () throws(LearningError) in try night.fit(winner, calibration) }
      try judge(Candidate(.challenger, model), on: rows, night, stages)
    }
    let calibration = try night.calibration(of: .popularity, on: calibrationRows)
    try judge(Candidate(.popularity, night.fit(.popularity, calibration)), on: rows, night, stages)
    guard let champion else { return }
    do throws(LearningError) {
      try judge(champion, on: rows, night, stages)
    } catch {
      self.championProblem = "\(error)"
      candidates.append(champion)
    }
  }

  private mutating func judge(
    _ candidate: Candidate, on rows: JudgingRows, _ night: Night, _ stages: Stages
  ) throws(LearningError) {
    let judgement = try stages.time(.judging) { () throws(LearningError) in
      try candidate.judged.judge(on: rows, night.judged)
    }
    judged.append(Judged(candidate: candidate, judgement: judgement))
    candidates.append(candidate)
  }

  /// Writes everything but the tenant and the fence.
  func fill(_ draft: Draft<Proto.ReportEvaluationRequest>) {
    draft.list(\.n_candidates, \.candidates, of: judged) { figures, judged in
      figures.candidate = judged.candidate.name.rawValue
      figures.recipe = judged.candidate.judged.recipe.name
      figures.options = "\(judged.candidate.judged.recipe)".reason(utf8Bytes: Limits.optionsBytes)
      figures.rmse = judged.judgement.rmse
      figures.ndcg_at_10 = judged.judgement.ndcgAt10
      figures.hit_rate_at_10 = judged.judgement.hitRateAt10
      figures.coverage = judged.judgement.coverage
      figures.judged_cut_us = judged.candidate.judged.fit.cut
      figures.served_cut_us = judged.candidate.served?.cut ?? servedCut
    }
    draft.list(\.n_differences, \.differences, of: pairs()) { difference, pair in
      let paired = PairedDifference(
        first: pair.0.judgement.squaredErrors, second: pair.1.judgement.squaredErrors, bootstrap)
      let ndcg = PairedDifference(first: pair.0.judgement.ndcgs, second: pair.1.judgement.ndcgs, bootstrap)
      difference.first = pair.0.candidate.name.rawValue
      difference.second = pair.1.candidate.name.rawValue
      difference.mean = paired.mean
      difference.low = paired.low
      difference.high = paired.high
      difference.ndcg_mean = ndcg.mean
      difference.ndcg_low = ndcg.low
      difference.ndcg_high = ndcg.high
    }
    fillTrials(draft)
    draft.judged_customers = UInt32(judgedCustomers)
    draft.judged_rows = UInt64(judgedRows)
    if let ratingScale {
      draft.message(\.rating_scale) {
        $0.low = ratingScale.lowerBound
        $0.high = ratingScale.upperBound
      }
    }
    draft.data_floor = data.isUnderFloor
    draft.champion_problem = championProblem.reason(utf8Bytes: Limits.reasonBytes)
    draft.customers = UInt64(data.customers.count)
    draft.products = UInt64(data.products.count)
    draft.events = data.events
  }

  private func fillTrials(_ draft: Draft<Proto.ReportEvaluationRequest>) {
    guard let search else { return }
    draft.list(\.n_trials, \.trials, of: search.trials.suffix(Limits.trials)) { trial, tried in
      trial.recipe = tried.recipe.name
      trial.options = "\(tried.recipe)".reason(utf8Bytes: Limits.optionsBytes)
      trial.share = tried.share
      trial.rmse = tried.rmse
      trial.ndcg_at_10 = tried.ndcgAt10
      trial.coverage = tried.coverage
    }
    draft.choice = search.explanation.reason(utf8Bytes: Limits.reasonBytes)
  }

  /// Every two candidates once, in order.
  private func pairs() -> [(Judged, Judged)] {
    judged.indices.flatMap { first in judged[(first + 1)...].map { (judged[first], $0) } }
  }
}
