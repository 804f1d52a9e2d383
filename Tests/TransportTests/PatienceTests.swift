import Testing

@testable import Transport

/// How a reactor waits for events, on a clock that the test turns.
struct PatienceTests {
  private var patience = Patience()
  private var now: Int64 = 0
  private var limits: [Int32] = []

  /// One wait in which the next events come after `gap` ns; a look takes 1 µs.
  @discardableResult
  private mutating func wait(gap: Int64, events: Int32 = 1, from caller: UInt = 7) -> Int32 {
    let due = now + gap
    var (clock, asked) = (now, [Int32]())
    let poll = { (limit: Int32) in
      asked.append(limit)
      clock = limit < 0 ? max(clock, due) : clock + 1_000
      return clock >= due ? events : 0
    }
    let count = patience.wait(now: { clock }, source: { caller }, for: poll)
    (now, limits) = (clock, asked)
    return count
  }

  private mutating func hurry() {
    for _ in 0..<Patience.streak { wait(gap: 10_000) }
  }

  @Test("it sleeps, until requests have followed each other closely for a while")
  mutating func sleeps() {
    for _ in 0..<Patience.streak {
      #expect(wait(gap: 10_000) == 1)
      #expect(limits == [-1])
    }
    #expect(wait(gap: 10_000) == 1)
    #expect(limits == Array(repeating: 0, count: 10))
  }

  @Test("awake in vain, it sleeps, and looks again only after another streak")
  mutating func givesUp() {
    hurry()
    #expect(wait(gap: Patience.longest * 2) == 1)
    #expect(limits == Array(repeating: 0, count: Int(Patience.longest) / 1_000) + [-1])
    for _ in 0..<Patience.streak {
      wait(gap: 10_000)
      #expect(limits == [-1])
    }
    wait(gap: 10_000)
    #expect(limits.first == 0)
  }

  @Test("requests of several callers are no streak, and end one")
  mutating func severalCallers() {
    for number in 0..<UInt(4 * Patience.streak) {
      wait(gap: 10_000, from: number % 2)
      #expect(limits == [-1])
    }
    hurry()
    wait(gap: 10_000)
    #expect(limits.first == 0)
    wait(gap: 10_000, from: 8)
    wait(gap: 10_000)
    #expect(limits == [-1])
  }

  @Test(
    "a long wait, several events at once, or an interrupted wait end a streak",
    arguments: [(90_000, 1), (9_000, 2), (9_000, -1)])
  mutating func streakEnds(gap: Int64, events: Int32) {
    for _ in 1..<Patience.streak { wait(gap: 10_000) }
    #expect(wait(gap: gap, events: events) == events)
    wait(gap: 10_000)
    #expect(limits == [-1])
  }
}
