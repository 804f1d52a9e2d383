import Commerce
import Messages
import RPC

extension Gate.Report {
  private static let maximumCandidates = 8
  /// Every two candidates once.
  private static let maximumDifferences = maximumCandidates * (maximumCandidates - 1) / 2
  private static let maximumTrials = 32
  private static let optionsBytes = 0...256

  /// Reads a trainer's report.
  init(_ report: View<Proto.ReportEvaluationRequest>) throws(RPCError) {
    let candidates = report.list(\.n_candidates, \.candidates)
    guard candidates.count <= Self.maximumCandidates else {
      throw Check.failure("candidates", "takes at most \(Self.maximumCandidates)")
    }
    figures = []
    for (index, candidate) in candidates.enumerated() {
      guard let which = Gate.Candidate(rawValue: candidate.candidate),
        !figures.contains(where: { $0.candidate == which })
      else {
        throw Check.failure("candidates[\(index)].candidate", "is not champion, als or popularity, or stands twice")
      }
      _ = try Check.text("candidates[\(index)].recipe", candidate.recipe, bytes: 0...Limits.identifierBytes)
      _ = try Check.text("candidates[\(index)].options", candidate.options, bytes: Self.optionsBytes)
      figures.append(
        Gate.Figures(
          candidate: which, rmse: candidate.rmse, ndcg: candidate.ndcg_at_10, hitRate: candidate.hit_rate_at_10,
          coverage: candidate.coverage, judgedCut: Timestamp(microseconds: candidate.judged_cut_us),
          servedCut: Timestamp(microseconds: candidate.served_cut_us)))
    }
    let differences = report.list(\.n_differences, \.differences)
    guard differences.count <= Self.maximumDifferences else {
      throw Check.failure("differences", "takes at most \(Self.maximumDifferences)")
    }
    for (index, difference) in differences.enumerated() {
      _ = try Check.text("differences[\(index)].first", difference.first, bytes: 1...Limits.identifierBytes)
      _ = try Check.text("differences[\(index)].second", difference.second, bytes: 1...Limits.identifierBytes)
    }
    let trials = report.list(\.n_trials, \.trials)
    guard trials.count <= Self.maximumTrials else {
      throw Check.failure("trials", "takes at most \(Self.maximumTrials)")
    }
    for (index, trial) in trials.enumerated() {
      _ = try Check.text("trials[\(index)].recipe", trial.recipe, bytes: 1...Limits.identifierBytes)
      _ = try Check.text("trials[\(index)].options", trial.options, bytes: Self.optionsBytes)
    }
    _ = try Check.text("choice", report.choice, bytes: 0...1_024)
    judgedCustomers = Int(report.judged_customers)
    isUnderDataFloor = report.data_floor
    let problem = try Check.text("champion_problem", report.champion_problem, bytes: 0...1_024)
    championProblem = problem.isEmpty ? nil : problem
    ratingScale = try report.rating_scale.map { scale throws(RPCError) in
      guard scale.low.isFinite, scale.high.isFinite, scale.low < scale.high else {
        throw Check.failure("rating_scale", "runs from \(scale.low) to \(scale.high)")
      }
      return scale.low...scale.high
    }
  }
}

extension Gate.Verdict {
  var proto: Proto.GateVerdict {
    switch self {
    case .promote: .promote
    case .hold: .hold
    case .reject: .reject
    case .insufficient: .insufficient
    case .dataFloor: .dataFloor
    case .rebake: .rebake
    }
  }
}
