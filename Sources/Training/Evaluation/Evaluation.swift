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
  private let data: TenantData
  /// Why the champion could not be judged or baked; empty = it could, or there is none.
  private(set) var championProblem = ""

  /// An evaluation in which nothing is judged: of a tenant under the floor, or of one that is only baked anew.
  init(unjudged candidates: [Candidate], of data: TenantData, championProblem: String) {
    self.candidates = candidates
    self.data = data
    self.championProblem = championProblem
  }

  /// Trains the challenger and popularity, and judges them and the champion on the same rows.
  ///
  /// A champion that must not be judged (its fit has seen the rows) is reported, and stays out.
  init(_ night: Night, champion: Candidate?, championProblem: String) throws(LearningError) {
    data = night.data
    self.championProblem = championProblem
    let calibrationRows = night.calibrationRows()
    let rows = night.judgingRows()
    judgedCustomers = rows.customers.count
    judgedRows = rows.count
    for (name, recipe) in [(Candidate.Name.als, Recipe.als), (.popularity, .popularity)] {
      let model = try night.train(recipe, calibrationRows)
      try judge(Candidate(name: name, model: model, file: nil), on: rows)
    }
    guard let champion else { return }
    do throws(LearningError) {
      try judge(champion, on: rows)
    } catch {
      self.championProblem = "\(error)"
      candidates.append(champion)
    }
  }

  private mutating func judge(_ candidate: Candidate, on rows: JudgingRows) throws(LearningError) {
    let judgement = try candidate.model.judge(on: rows, of: data.interactions, segments: data.segments)
    judged.append(Judged(candidate: candidate, judgement: judgement))
    candidates.append(candidate)
  }

  /// Writes everything but the tenant and the fence.
  func fill(_ draft: Draft<Proto.ReportEvaluationRequest>) {
    draft.list(\.n_candidates, \.candidates, of: judged) { figures, judged in
      figures.candidate = judged.candidate.name.rawValue
      figures.recipe = judged.candidate.model.recipe.name
      figures.rmse = judged.judgement.rmse
      figures.ndcg_at_10 = judged.judgement.ndcgAt10
      figures.hit_rate_at_10 = judged.judgement.hitRateAt10
      figures.coverage = judged.judgement.coverage
      figures.judged_cut_us = judged.candidate.model.judged.cut
      figures.served_cut_us = judged.candidate.model.served.cut
    }
    draft.list(\.n_differences, \.differences, of: pairs()) { difference, pair in
      let paired = PairedDifference(first: pair.0.judgement.squaredErrors, second: pair.1.judgement.squaredErrors)
      difference.first = pair.0.candidate.name.rawValue
      difference.second = pair.1.candidate.name.rawValue
      difference.mean = paired.mean
      difference.low = paired.low
      difference.high = paired.high
    }
    draft.judged_customers = UInt32(judgedCustomers)
    draft.judged_rows = UInt64(judgedRows)
    draft.data_floor = data.isUnderFloor
    draft.champion_problem = championProblem.reason(utf8Bytes: Limits.reasonBytes)
    draft.customers = UInt64(data.customers.count)
    draft.products = UInt64(data.products.count)
    draft.events = data.events
  }

  /// Every two candidates once, in order.
  private func pairs() -> [(Judged, Judged)] {
    judged.indices.flatMap { first in judged[(first + 1)...].map { (judged[first], $0) } }
  }
}
