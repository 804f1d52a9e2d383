import Commerce
import Messages
import RPC
import Testing

@testable import Control

private let asOf = Timestamp(microseconds: 1_320_000_000_000_000)
private let windowStart = asOf.adding(days: -28)

private func figures(
  _ candidate: Gate.Candidate, rmse: Double, ndcg: Double = 0.2, hitRate: Double = 0.3, coverage: Double = 0.4,
  judgedCut: Timestamp = windowStart, servedCut: Timestamp = asOf
) -> Gate.Figures {
  Gate.Figures(
    candidate: candidate, rmse: rmse, ndcg: ndcg, hitRate: hitRate, coverage: coverage, judgedCut: judgedCut,
    servedCut: servedCut)
}

private func report(
  _ figures: [Gate.Figures], judged: Int = 400, isUnderDataFloor: Bool = false, championProblem: String? = nil
) -> Gate.Report {
  Gate.Report(
    figures: figures, judgedCustomers: judged, isUnderDataFloor: isUnderDataFloor, championProblem: championProblem)
}

private func situation(isRebake: Bool = false, hasChampion: Bool = true, needsApproval: Bool = false) -> Gate.Situation
{
  Gate.Situation(
    isRebake: isRebake, hasChampion: hasChampion, needsApproval: needsApproval, asOf: asOf, horizonDays: 28)
}

@Suite("The gate")
struct GateTests {
  /// What a night measured, by RMSE and NDCG@10, and what is to follow.
  struct Night: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let champion: [Double]
    let challenger: [Double]
    let popularity: [Double]
    let verdict: Gate.Verdict
    let live: Gate.Candidate

    init(
      _ description: String, champion: [Double], challenger: [Double], popularity: [Double], _ verdict: Gate.Verdict,
      live: Gate.Candidate
    ) {
      testDescription = description
      self.champion = champion
      self.challenger = challenger
      self.popularity = popularity
      self.verdict = verdict
      self.live = live
    }
  }

  @Test(
    "the lower RMSE wins, a tie keeps the champion, ranking quality guards",
    arguments: [
      Night(
        "a better challenger is promoted", champion: [0.40, 0.2], challenger: [0.39, 0.2], popularity: [0.45, 0.1],
        .promote, live: .challenger),
      Night(
        "a worse challenger is rejected", champion: [0.40, 0.2], challenger: [0.41, 0.9], popularity: [0.45, 0.1],
        .reject, live: .champion),
      Night(
        "a tie keeps the champion", champion: [0.40, 0.2], challenger: [0.40, 0.9], popularity: [0.40, 0.9],
        .reject, live: .champion),
      Night(
        "a challenger that ranks much worse is rejected", champion: [0.40, 0.2], challenger: [0.30, 0.1899],
        popularity: [0.45, 0.1], .reject, live: .champion),
      Night(
        "a challenger at the very margin of ranking quality is promoted", champion: [0.40, 0.2],
        challenger: [0.39, 0.2 * 0.95], popularity: [0.45, 0.1], .promote, live: .challenger),
      Night(
        "a champion below popularity is replaced by it", champion: [0.40, 0.2], challenger: [0.41, 0.2],
        popularity: [0.39, 0.2], .promote, live: .popularity),
      Night(
        "the best of two that are better is promoted", champion: [0.40, 0.2], challenger: [0.38, 0.2],
        popularity: [0.39, 0.2], .promote, live: .challenger),
      Night(
        "a challenger that beats the champion but not popularity stays behind popularity", champion: [0.40, 0.2],
        challenger: [0.39, 0.2], popularity: [0.38, 0.2], .promote, live: .popularity),
      Night(
        "popularity that ranks much worse does not replace the champion", champion: [0.40, 0.2],
        challenger: [0.41, 0.2], popularity: [0.30, 0.05], .reject, live: .champion),
      Night(
        "two steps within the margin do not add up to a worse ranking than the champion's allows",
        champion: [0.40, 0.2], challenger: [0.38, 0.182], popularity: [0.39, 0.191], .promote, live: .popularity),
      Night(
        "nobody ranks worse than a champion that ranks nothing", champion: [0.40, 0], challenger: [0.39, 0],
        popularity: [0.45, 0], .promote, live: .challenger),
    ])
  func comparison(night: Night) throws {
    let report = report([
      figures(.champion, rmse: night.champion[0], ndcg: night.champion[1]),
      figures(.challenger, rmse: night.challenger[0], ndcg: night.challenger[1]),
      figures(.popularity, rmse: night.popularity[0], ndcg: night.popularity[1]),
    ])
    let decision = try Gate.judge(report, in: situation())
    #expect(decision.verdict == night.verdict)
    #expect(decision.live == night.live)
    #expect(decision.bakes == [night.live])
    #expect(decision.reason.contains("\(night.live.rawValue) wins"))
    // Whoever has the lower RMSE and loses all the same, loses by the guard, and the reason says so.
    let rmse: [Gate.Candidate: Double] = [
      .champion: night.champion[0], .challenger: night.challenger[0], .popularity: night.popularity[0],
    ]
    let winning = try #require(rmse[night.live])
    for (candidate, value) in rmse {
      #expect(decision.reason.contains("\(candidate.rawValue) would lose more than 5%") == (value < winning))
    }

    // The same figures for a tenant whose promotions wait for a person: the champion stays, the winner is held.
    let waiting = try Gate.judge(report, in: situation(needsApproval: true))
    #expect(waiting.live == .champion)
    #expect(waiting.verdict == (night.verdict == .promote ? .hold : .reject))
    #expect(waiting.held == (night.verdict == .promote ? night.live : nil))
    #expect(waiting.bakes == (night.verdict == .promote ? [.champion, night.live] : [.champion]))
  }

  @Test("a challenger under which coverage collapses is rejected, popularity's is not looked at")
  func coverage() throws {
    func decide(challenger: Double, champion: Double) throws -> Gate.Decision {
      try Gate.judge(
        report([
          figures(.champion, rmse: 0.40, coverage: champion), figures(.challenger, rmse: 0.38, coverage: challenger),
          figures(.popularity, rmse: 0.39, coverage: 0.05),
        ]), in: situation())
    }
    #expect(try decide(challenger: 0.2, champion: 0.4).live == .challenger)
    let collapsed = try decide(challenger: 0.19, champion: 0.4)
    #expect(collapsed.live == .popularity)
    #expect(collapsed.reason.contains("als would show less than 50% of the products that champion shows"))
    let first = try Gate.judge(
      report([figures(.challenger, rmse: 0.38, coverage: 0.01), figures(.popularity, rmse: 0.39, coverage: 0.05)]),
      in: situation(hasChampion: false))
    #expect(first.live == .popularity)
  }

  @Test("the order in which a trainer reports its candidates changes nothing")
  func order() throws {
    let all = [
      figures(.champion, rmse: 0.40), figures(.challenger, rmse: 0.38), figures(.popularity, rmse: 0.39),
    ]
    let first = try Gate.judge(report(all), in: situation())
    #expect(try Gate.judge(report(all.reversed()), in: situation()) == first)
  }

  /// A challenger that would win by its RMSE, with something else wrong.
  static let untrustworthy: [(Gate.Figures, String)] = [
    (figures(.challenger, rmse: .nan), "RMSE is nan"),
    (figures(.challenger, rmse: -0.1), "RMSE is -0.1"),
    (figures(.challenger, rmse: -.infinity), "RMSE is -inf"),
    (figures(.challenger, rmse: .infinity), "RMSE is inf"),
    (figures(.challenger, rmse: 0.1, ndcg: .nan), "NDCG@10 is nan"),
    (figures(.challenger, rmse: 0.1, ndcg: 1.01), "NDCG@10 is 1.01"),
    (figures(.challenger, rmse: 0.1, hitRate: .infinity), "hit rate@10 is inf"),
    (figures(.challenger, rmse: 0.1, coverage: -1), "coverage is -1.0"),
    (
      figures(.challenger, rmse: 0.1, judgedCut: Timestamp(microseconds: windowStart.microseconds + 1)),
      "judged fit has seen rows"
    ),
    (
      figures(.challenger, rmse: 0.1, servedCut: Timestamp(microseconds: asOf.microseconds + 1)),
      "served fit has seen rows"
    ),
  ]

  @Test("figures out of range, and fits that have seen the judged rows, are left out", arguments: untrustworthy)
  func untrustworthyChallenger(challenger: Gate.Figures, problem: String) throws {
    let popularity = figures(.popularity, rmse: 0.45)
    let withChampion = try Gate.judge(
      report([figures(.champion, rmse: 0.4), challenger, popularity]), in: situation())
    #expect(withChampion.verdict == .reject)
    #expect(withChampion.live == .champion)
    #expect(withChampion.reason.contains("als is left out: its \(problem)"))

    let firstNight = try Gate.judge(report([challenger, popularity]), in: situation(hasChampion: false))
    #expect(firstNight.verdict == .promote)
    #expect(firstNight.live == .popularity)
  }

  @Test("a champion whose fit has seen the judged rows is replaced by the best of the others")
  func champion() throws {
    let late = Timestamp(microseconds: windowStart.microseconds + 1)
    let figures = [
      figures(.champion, rmse: 0.1, judgedCut: late), figures(.challenger, rmse: 0.38),
      figures(.popularity, rmse: 0.39),
    ]
    let decision = try Gate.judge(report(figures), in: situation())
    #expect(decision.verdict == .promote)
    #expect(decision.live == .challenger)
    #expect(decision.reason.contains("champion is left out"))
  }

  @Test("fewer than 25 judged customers say nothing", arguments: [0, 24, 25])
  func judgedCustomers(count: Int) throws {
    let all = [
      figures(.champion, rmse: 0.40), figures(.challenger, rmse: 0.38), figures(.popularity, rmse: 0.39),
    ]
    let decision = try Gate.judge(report(all, judged: count), in: situation())
    #expect(decision.verdict == (count < 25 ? .insufficient : .promote))
    #expect(decision.live == (count < 25 ? .champion : .challenger))
    let firstNight = try Gate.judge(report(all, judged: count), in: situation(hasChampion: false))
    #expect(firstNight.verdict == (count < 25 ? .insufficient : .promote))
    #expect(firstNight.live == (count < 25 ? .popularity : .challenger))
    let withoutChampion = try Gate.judge(
      report(all, judged: count, championProblem: "its file is gone"), in: situation())
    #expect(withoutChampion.live == (count < 25 ? .popularity : .challenger))
  }

  @Test("under the data floor popularity serves, whoever was live", arguments: [false, true])
  func dataFloor(hasChampion: Bool) throws {
    let decision = try Gate.judge(
      report([], judged: 0, isUnderDataFloor: true), in: situation(hasChampion: hasChampion, needsApproval: true))
    #expect(decision.verdict == .dataFloor)
    #expect(decision.bakes == [.popularity])
  }

  @Test("the first night's challenger has to beat popularity", arguments: [0.38, 0.39, 0.40])
  func firstNight(rmse: Double) throws {
    let report = report([figures(.challenger, rmse: rmse), figures(.popularity, rmse: 0.39)])
    let winner: Gate.Candidate = rmse < 0.39 ? .challenger : .popularity
    let decision = try Gate.judge(report, in: situation(hasChampion: false))
    #expect(decision.verdict == .promote)
    #expect(decision.bakes == [winner])

    // Until the person comes, popularity is live.
    let waiting = try Gate.judge(report, in: situation(hasChampion: false, needsApproval: true))
    #expect(waiting.verdict == (winner == .challenger ? .hold : .promote))
    #expect(waiting.live == .popularity)
    #expect(waiting.held == (winner == .challenger ? .challenger : nil))
  }

  @Test("where popularity was not judged, nobody has beaten it", arguments: [false, true])
  func withoutPopularity(needsApproval: Bool) throws {
    let decision = try Gate.judge(
      report([figures(.challenger, rmse: 0.1)]), in: situation(hasChampion: false, needsApproval: needsApproval))
    #expect(decision.bakes == [.popularity])
    #expect(decision.reason.contains("popularity could not be judged"))
  }

  @Test("a champion with a problem is neither judged nor baked", arguments: [false, true])
  func championProblem(needsApproval: Bool) throws {
    let report = report(
      [figures(.champion, rmse: 0.1), figures(.challenger, rmse: 0.38), figures(.popularity, rmse: 0.39)],
      championProblem: "its file is gone")
    let decision = try Gate.judge(report, in: situation(needsApproval: needsApproval))
    #expect(decision.verdict == (needsApproval ? .hold : .promote))
    #expect(decision.bakes == (needsApproval ? [.popularity, .challenger] : [.challenger]))
    #expect(decision.reason.contains("its file is gone"))
  }

  @Test("a rebake bakes the champion, whatever was reported")
  func rebake() throws {
    let report = report([figures(.challenger, rmse: 0.1)], isUnderDataFloor: true)
    let decision = try Gate.judge(report, in: situation(isRebake: true, needsApproval: true))
    #expect(decision.verdict == .rebake)
    #expect(decision.bakes == [.champion])
  }

  @Test("a rebake without a champion that could be baked is no decision")
  func rebakeOfNothing() throws {
    #expect(throws: GateError.noChampion("nothing is live")) {
      try Gate.judge(report([]), in: situation(isRebake: true, hasChampion: false))
    }
    #expect(throws: GateError.noChampion("its file is gone")) {
      try Gate.judge(report([], championProblem: "its file is gone"), in: situation(isRebake: true))
    }
  }

  @Test("where RMSE is of ratings, the rule and the guards are the same, and the reason says of what scale")
  func ratings() throws {
    func decision(ndcg: Double) throws -> Gate.Decision {
      var rated = report([
        figures(.champion, rmse: 0.25), figures(.challenger, rmse: 0.23, ndcg: ndcg),
        figures(.popularity, rmse: 0.26),
      ])
      rated.ratingScale = 1...5
      return try Gate.judge(rated, in: situation())
    }
    let better = try decision(ndcg: 0.2)
    #expect(better.verdict == .promote && better.live == .challenger)
    #expect(better.reason.contains("RMSE of ratings, as a part of their scale 1.0 to 5.0: champion 0.25"))
    let worse = try decision(ndcg: 0.18)
    #expect(
      worse.verdict == .reject && worse.live == .champion && worse.reason.contains("lose more than 5% of NDCG@10"))
  }

  private static let excesses: [@Sendable (Draft<Proto.ReportEvaluationRequest>) -> Void] = [
    { $0.list(\.n_candidates, \.candidates, of: ["als", "als"]) { ($0.candidate, $0.recipe) = ($1, $1) } },
    { $0.list(\.n_candidates, \.candidates, of: ["oracle"]) { $0.candidate = $1 } },
    {
      $0.list(\.n_candidates, \.candidates, of: ["als"]) {
        ($0.candidate, $0.recipe) = ($1, String(repeating: "x", count: 129))
      }
    },
    { $0.list(\.n_differences, \.differences, of: 0..<29) { draft, _ in (draft.first, draft.second) = ("a", "b") } },
    { $0.list(\.n_differences, \.differences, of: [129]) { $0.first = String(repeating: "x", count: $1) } },
    { $0.champion_problem = String(repeating: "x", count: 1_025) },
    { $0.champion_problem = "a\nb" },
    { $0.list(\.n_trials, \.trials, of: 0..<33) { draft, _ in draft.recipe = "als" } },
    {
      $0.list(\.n_trials, \.trials, of: [257]) { ($0.recipe, $0.options) = ("als", String(repeating: "x", count: $1)) }
    },
    { $0.choice = String(repeating: "x", count: 1_025) },
    { $0.message(\.rating_scale) { ($0.low, $0.high) = (5, 1) } },
    { $0.message(\.rating_scale) { ($0.low, $0.high) = (-.infinity, .nan) } },
  ]

  @Test(
    "a report is bounded in every part: nights are shown with the reports of all their tenants",
    arguments: excesses.indices)
  func excess(index: Int) throws {
    let report = Encoded<Proto.ReportEvaluationRequest> { Self.excesses[index]($0) }
    #expect(throws: RPCError.self) { try Gate.Report(report.decode()) }
  }
}
