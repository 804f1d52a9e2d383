import Commerce

/// The rule by which a new model replaces the live one.
///
/// RMSE on the judging rows decides, NDCG@10 guards: RMSE alone picks bad rankers. Nor may the part of the catalogue that
/// the lists show collapse. Popularity is a standing candidate, which every model has to beat to be served. A tie keeps what
/// is live. The intervals that trainers report are kept for people: a rule that asked for certainty would keep a worse model.
///
/// What RMSE is of, the trainer says in its report (`JudgingRows` of the room `Learning` defines both): as a rule the
/// probability that a customer comes to like a product; for a tenant with enough ratings those ratings, as parts of their
/// scale. It is the same for all candidates of a report, and within 0 and 1 either way. The guards are of the lists always.
struct Gate {
  /// Fewer judged customers than this say nothing.
  static let minimumJudgedCustomers = 25
  /// Share of the incumbent's NDCG@10 that whoever replaces it may lose.
  static let ndcgMargin = 0.05

  /// Share of the incumbent's coverage that a model has to keep. Popularity is exempt: it shows few products by its nature,
  /// and a model that it beats should not be served.
  static let coverageKept = 0.5

  /// Which candidate of a report.
  enum Candidate: String {
    case champion
    case challenger = "als"
    case popularity
  }

  enum Verdict: Equatable { case promote, hold, reject, insufficient, dataFloor, rebake }

  /// One candidate's figures, as the trainer reports them.
  struct Figures: Equatable {
    var candidate: Candidate
    var rmse: Double
    var ndcg: Double
    var hitRate: Double
    var coverage: Double
    /// Latest business time that the judged fit has seen.
    var judgedCut: Timestamp
    /// Latest business time that the served fit has seen.
    var servedCut: Timestamp
  }

  /// What the gate is to judge.
  struct Report: Equatable {
    var figures: [Figures]
    var judgedCustomers: Int
    var isUnderDataFloor: Bool
    /// Why the champion could not be judged or baked.
    var championProblem: String?
    /// The scale of the ratings that RMSE is of; nil = it is of probabilities.
    var ratingScale: ClosedRange<Double>?
  }

  /// The circumstances under which it judges.
  struct Situation: Equatable {
    var isRebake: Bool
    var hasChampion: Bool
    var needsApproval: Bool
    var asOf: Timestamp
    var horizonDays: Int
  }

  /// What follows: what to bake, which of it goes live, which waits for a person.
  struct Decision: Equatable {
    var verdict: Verdict
    var reason: String
    var live: Candidate
    var held: Candidate?

    var bakes: [Candidate] { [live] + (held.map { [$0] } ?? []) }
  }

  /// Judges, or says why there is nothing that could go live.
  static func judge(_ report: Report, in situation: Situation) throws(GateError) -> Decision {
    let champion = situation.hasChampion && report.championProblem == nil
    if situation.isRebake {
      guard champion else { throw .noChampion(report.championProblem ?? "nothing is live") }
      return Decision(verdict: .rebake, reason: "the live model is baked anew", live: .champion)
    }
    if report.isUnderDataFloor {
      return Decision(verdict: .dataFloor, reason: "too little data for a model", live: .popularity)
    }
    guard report.judgedCustomers >= minimumJudgedCustomers else {
      return Decision(
        verdict: .insufficient,
        reason: "\(report.judgedCustomers) judged customers, \(minimumJudgedCustomers) are needed",
        live: champion ? .champion : .popularity)
    }
    return compare(report, situation, champion: champion)
  }

  private static func compare(_ report: Report, _ situation: Situation, champion: Bool) -> Decision {
    var notes = report.championProblem.map { ["champion: \($0)"] } ?? []
    func sound(_ candidate: Candidate) -> Figures? {
      guard let figures = report.figures.first(where: { $0.candidate == candidate }) else { return nil }
      guard let problem = problem(of: figures, situation) else { return figures }
      notes.append("\(candidate.rawValue) is left out: \(problem)")
      return nil
    }
    let measure = Self.measure(report)
    let popularity = sound(.popularity)
    let challenger = sound(.challenger)
    // A champion that cannot be judged is replaced by the best of the others.
    guard let champion = champion ? sound(.champion) : nil else {
      return crown(challenger, over: popularity, situation, championCanServe: champion, notes, measure)
    }
    var winner = champion
    // Against the champion as well, so that the guard's margin is not spent twice.
    for candidate in [popularity, challenger].compactMap({ $0 })
    where beats(candidate, champion) && beats(candidate, winner) { winner = candidate }
    notes.append(comparison(winner, [champion, popularity, challenger].compactMap { $0 }, measure))
    let reason = notes.joined(separator: "; ")
    guard winner.candidate != .champion else { return Decision(verdict: .reject, reason: reason, live: .champion) }
    guard situation.needsApproval else { return Decision(verdict: .promote, reason: reason, live: winner.candidate) }
    return Decision(verdict: .hold, reason: reason, live: .champion, held: winner.candidate)
  }

  /// No champion to defend itself: the challenger has to beat popularity.
  private static func crown(
    _ challenger: Figures?, over popularity: Figures?, _ situation: Situation, championCanServe: Bool,
    _ notes: [String], _ measure: String
  ) -> Decision {
    let contenders = [popularity, challenger].compactMap { $0 }
    let incumbent: Candidate = championCanServe ? .champion : .popularity
    guard let standing = popularity else {
      let reason = (notes + ["popularity could not be judged, so nobody could beat it"]).joined(separator: "; ")
      return Decision(verdict: championCanServe ? .reject : .promote, reason: reason, live: incumbent)
    }
    let winner = challenger.flatMap { beats($0, standing) ? $0 : nil } ?? standing
    let reason = (notes + [comparison(winner, contenders, measure)]).joined(separator: "; ")
    guard situation.needsApproval, winner.candidate != incumbent else {
      return Decision(verdict: .promote, reason: reason, live: winner.candidate)
    }
    // Something has to be live until the person comes.
    return Decision(verdict: .hold, reason: reason, live: incumbent, held: winner.candidate)
  }

  /// Lower RMSE, without losing more than the margin of ranking quality or most of the catalogue.
  static func beats(_ candidate: Figures, _ incumbent: Figures) -> Bool {
    candidate.rmse < incumbent.rmse && guardThatStops(candidate, incumbent) == nil
  }

  /// What keeps a candidate from an incumbent's place whatever its RMSE; nil = nothing.
  private static func guardThatStops(_ candidate: Figures, _ incumbent: Figures) -> String? {
    if candidate.ndcg < incumbent.ndcg * (1 - ndcgMargin) {
      return "lose more than \(Int(ndcgMargin * 100))% of NDCG@10"
    }
    if candidate.candidate != .popularity, candidate.coverage < incumbent.coverage * coverageKept {
      return "show less than \(Int(coverageKept * 100))% of the products that \(incumbent.candidate.rawValue) shows"
    }
    return nil
  }

  /// Why figures cannot be trusted; nil = they can.
  private static func problem(of figures: Figures, _ situation: Situation) -> String? {
    for (name, value) in [
      ("RMSE", figures.rmse), ("NDCG@10", figures.ndcg), ("hit rate@10", figures.hitRate),
      ("coverage", figures.coverage),
    ] where !(value >= 0 && value <= 1) {
      return "its \(name) is \(value), not within 0 and 1"
    }
    let windowStart = situation.asOf.adding(days: -situation.horizonDays)
    if figures.judgedCut > windowStart {
      return
        "its judged fit has seen rows to \(figures.judgedCut.iso8601), past the window's start \(windowStart.iso8601)"
    }
    if figures.servedCut > situation.asOf {
      return "its served fit has seen rows to \(figures.servedCut.iso8601), past \(situation.asOf.iso8601)"
    }
    return nil
  }

  /// The figure that decides, and of what it is.
  private static func measure(_ report: Report) -> String {
    guard let scale = report.ratingScale else { return "RMSE" }
    return "RMSE of ratings, as a part of their scale \(rounded(scale.lowerBound)) to \(rounded(scale.upperBound)):"
  }

  private static func comparison(_ winner: Figures, _ all: [Figures], _ measure: String) -> String {
    let texts = all.map { "\($0.candidate.rawValue) \(rounded($0.rmse)) (NDCG@10 \(rounded($0.ndcg)))" }
    let guarded = all.filter { $0.rmse < winner.rmse }.map { loser in
      let why = all.lazy.compactMap { guardThatStops(loser, $0) }.first ?? "not beat all others"
      return "; \(loser.candidate.rawValue) would \(why)"
    }
    return "\(measure) \(texts.joined(separator: ", ")): \(winner.candidate.rawValue) wins\(guarded.joined())"
  }

  private static func rounded(_ value: Double) -> Double { (value * 10_000).rounded() / 10_000 }
}

/// Why there is no decision.
enum GateError: Error, Equatable {
  /// The live model is to be baked anew and there is none that could be.
  case noChampion(String)
}
