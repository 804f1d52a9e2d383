import Messages

/// A finished night for people: the verdict on each tenant and the figures behind it.
struct NightReport {
  private let night: View<Proto.Night>

  init(_ night: View<Proto.Night>) { self.night = night }

  func show(on terminal: Terminal) {
    let took = Duration.microseconds(night.finished_at_us - night.started_at_us)
    let work = night.list(\.n_work, \.work)
    terminal.line(
      "night \(night.id) as of \(Format.date(night.as_of_us)): \(work.count) tenants in \(Format.seconds(took))")
    terminal.table(Self.table(of: work))
    for item in work {
      guard let evaluation = item.evaluation, !evaluation.choice.isEmpty else { continue }
      terminal.line("\(item.tenant): \(Format.text(evaluation.choice))")
      terminal.line("  \(Self.measure(of: evaluation))")
      for difference in evaluation.list(\.n_differences, \.differences) {
        terminal.line("  \(Self.text(of: difference))")
      }
    }
    for item in work {
      switch item.state {
      case .failed: terminal.remark("\(item.tenant) failed after \(item.attempts) attempts: \(item.failure)")
      case .missed: terminal.remark("\(item.tenant) keeps its lists of before: \(item.failure)")
      case .quarantined:
        terminal.remark(
          "\(item.tenant) was left out: \(item.failure); 'nightjar tenant release \(item.tenant)' ends that")
      default: continue
      }
    }
  }

  /// The same in short: tenants that nobody could judge are only counted.
  func summarise(on terminal: Terminal) {
    let took = Duration.microseconds(night.finished_at_us - night.started_at_us)
    let work = night.list(\.n_work, \.work)
    let plain: [Proto.GateVerdict] = [.insufficient, .dataFloor]
    func isPlain(_ item: View<Proto.NightWork>) -> Bool {
      plain.contains { $0 == item.evaluation?.verdict } && item.state == .done || item.state == .unchanged
    }
    let counts =
      plain.map { verdict in "\(work.count { $0.evaluation?.verdict == verdict }) \(verdict.word)" }
      + ["\(work.count { $0.state == .unchanged }) unchanged"]
    terminal.line(
      """
      night \(night.id) as of \(Format.date(night.as_of_us)): \(work.count) tenants in \(Format.seconds(took)); \
      \(counts.joined(separator: ", ")), and:
      """)
    terminal.table(Self.table(of: work.filter { !isPlain($0) }), indent: 2)
  }

  /// One row for each tenant: figures as champion → challenger.
  static func table(of work: some Sequence<View<Proto.NightWork>>) -> Table {
    var table = Table("TENANT", "VERDICT", "WINNER", "RECIPE", ">JUDGED", ">RMSE", ">NDCG@10", ">HIT@10", "WHY")
    for item in work {
      let evaluation = item.evaluation
      let figures = Figures(evaluation)
      table.add(
        item.tenant, item.state == .done ? evaluation?.verdict.word ?? "–" : item.state.word,
        Format.text(evaluation?.winner ?? ""), Format.text(Self.recipe(of: evaluation)),
        evaluation.map { String($0.judged_customers) } ?? "–",
        figures.pair(4) { $0.rmse }, figures.pair(4) { $0.ndcg_at_10 }, figures.pair(3) { $0.hit_rate_at_10 },
        Format.text(evaluation?.reason ?? item.failure))
    }
    return table
  }
}

extension NightReport {
  /// The winner's recipe; empty where it was not judged.
  private static func recipe(of evaluation: View<Proto.Evaluation>?) -> String {
    evaluation?.list(\.n_candidates, \.candidates).first { $0.candidate == evaluation?.winner }?.recipe ?? ""
  }

  /// What RMSE and squared errors are of.
  private static func measure(of evaluation: View<Proto.Evaluation>) -> String {
    guard let scale = evaluation.rating_scale else {
      return "RMSE is of probabilities that a customer comes to like a product"
    }
    let (low, high) = (Format.decimals(scale.low, 1), Format.decimals(scale.high, 1))
    return "RMSE is of ratings, as a part of their scale \(low) to \(high): times "
      + "\(Format.decimals(scale.high - scale.low, 1)) it is in ratings"
  }

  /// "als − champion: squared error −0.0012 [−0.0020, −0.0004], NDCG@10 +0.0100 [+0.0010, +0.0190]".
  private static func text(of difference: View<Proto.PairedDifference>) -> String {
    func interval(_ mean: Double, _ low: Double, _ high: Double) -> String {
      "\(Format.decimals(mean, 4)) [\(Format.decimals(low, 4)), \(Format.decimals(high, 4))]"
    }
    let errors = interval(difference.mean, difference.low, difference.high)
    let ranking = interval(difference.ndcg_mean, difference.ndcg_low, difference.ndcg_high)
    return
      "\(Format.text(difference.first)) − \(Format.text(difference.second)): squared error \(errors), NDCG@10 \(ranking)"
  }
}

/// The figures of what was live before an evaluation and of what challenged it.
struct Figures {
  let champion: View<Proto.CandidateFigures>?
  let challenger: View<Proto.CandidateFigures>?

  /// The champion is the live model or, where there is none, popularity; the challenger is the model fitted that night.
  init(_ evaluation: View<Proto.Evaluation>?) {
    let candidates = evaluation.map { Array($0.list(\.n_candidates, \.candidates)) } ?? []
    champion = candidates.first { $0.candidate == "champion" } ?? candidates.first { $0.candidate == "popularity" }
    challenger = candidates.first { $0.candidate == "als" }
  }

  /// "champion → challenger", `–` where there are no figures.
  func pair(_ places: Int, _ figure: (View<Proto.CandidateFigures>) -> Double) -> String {
    guard champion != nil || challenger != nil else { return "–" }
    return "\(Format.decimals(champion.map(figure), places)) → \(Format.decimals(challenger.map(figure), places))"
  }
}
