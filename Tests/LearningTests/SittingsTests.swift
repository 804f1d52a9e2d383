import Testing

@testable import Learning

@Suite("The time of ratings as context") struct SittingsTests {
  private static func ratings(_ rows: [(user: Int32, time: Double)]) -> Observations {
    Observations(
      users: 3, items: 1, user: rows.map(\.user), item: rows.map { _ in 0 }, time: rows.map(\.time),
      value: rows.map { _ in 0 })
  }

  private static func runs(_ train: Observations, _ asked: [(user: Int32, time: Double)]) -> [[Int32]] {
    Sittings(train, order: RatingLists.both(train).order).runs(of: ratings(asked))
  }

  @Test("runs are parted by pauses, the shorter within the longer; a row joins that of the nearest rating")
  func definition() {
    let train = Self.ratings([(1, 10_000), (0, 1_000), (0, 1_000), (0, 1_060), (0, 1_121), (0, 9_000), (1, 10_000)])
    let asked: [(user: Int32, time: Double)] = [
      (0, 1_000), (0, 1_030), (0, 1_031), (0, 1_090), (0, 1_092), (0, 4_721), (0, 4_722), (0, 8_999), (1, 10_000),
      (1, 1_000), (2, 1_000),
    ]
    #expect(
      Self.runs(train, asked) == [
        // An hour, ten minutes, a minute, ten seconds, none.
        [0, 0, 0, 0, 0, 0, -1, 1, 2, -1, -1],
        [0, 0, 0, 0, 0, -1, -1, 1, 2, -1, -1],
        [0, 0, 0, 0, 1, -1, -1, 2, 3, -1, -1],
        [0, -1, -1, -1, -1, -1, -1, 3, 4, -1, -1],
        [0, -1, -1, -1, -1, -1, -1, -1, 4, -1, -1],
      ])
  }

  @Test(
    "times that part nobody's ratings say nothing",
    arguments: [[0, 0, 0], [5, 5, -1e300], [.infinity, .infinity, 3]])
  func nothing(times: [Double]) {
    let train = Self.ratings([(0, times[0]), (0, times[1]), (1, times[2])])
    #expect(Sittings(train, order: RatingLists.both(train).order).isEmpty)
  }

  /// 40 users who rate 8 items in each of 10 sittings, in a mood that is another in each sitting.
  private static func moods() -> (train: Observations, test: Observations) {
    var random = Xoshiro256(seed: 7)
    var (user, item, time, value): ([Int32], [Int32], [Double], [Double]) = ([], [], [], [])
    for who in 0..<40 {
      for sitting in 0..<10 {
        let mood = random.nextNormal()
        for minute in 0..<8 {
          user.append(Int32(who))
          item.append(Int32(random.nextIndex(below: 30)))
          time.append(Double(sitting * 86_400 + minute * 30))
          value.append(3 + mood + 0.3 * random.nextNormal())
        }
      }
    }
    let all = Observations(users: 40, items: 30, user: user, item: item, time: time, value: value)
    return (all.rows((0..<all.count).filter { $0 % 4 != 0 }), all.rows((0..<all.count).filter { $0 % 4 == 0 }))
  }

  private static func predictions(_ train: Observations, _ test: Observations) throws -> [Double] {
    try RatingRecipe(.fm, options: ["factors": 2, "samples": 40, "burn-in": 20]).predictions(
      train: train, asked: test, users: SideInformation(entities: 40), items: SideInformation(entities: 30), seed: 1)
  }

  @Test("what was rated in one go is told by what else was")
  func moodIsKnown() throws {
    let (train, test) = Self.moods()
    let errors = zip(try Self.predictions(train, test), test.value).map { $0 - $1 }
    #expect(Metrics.rootMeanSquare(errors) < 0.5)
    let still = Observations(
      users: 40, items: 30, user: train.user, item: train.item, time: train.time.map { _ in 0 }, value: train.value)
    let blind = zip(try Self.predictions(still, test), test.value).map { $0 - $1 }
    #expect(Metrics.rootMeanSquare(blind) > 0.9)
  }

  @Test("a prediction hangs neither on the value of a row that is asked about nor on the other rows asked")
  func nothingLeaks() throws {
    let (train, test) = Self.moods()
    let all = try Self.predictions(train, test)
    #expect(try Self.predictions(train, test.with(values: test.value.map { _ in 1e9 })) == all)
    #expect(try Self.predictions(train, test.rows([3, 40])) == [all[3], all[40]])
  }
}
