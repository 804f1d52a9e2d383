import Logging
import Testing

@testable import RPC

@Suite("the limit on logged events")
struct EventLimitTests {
  private let start = ContinuousClock.now

  @Test("lets so many a second of each source through, and tells how many it kept back")
  func limit() {
    var limit = EventLimit<String>(eventsPerSecond: 3)
    let admitted = (0..<10).map { limit.admit("a", at: start + .milliseconds($0)) }
    #expect(admitted == [0, 0, 0] + [Int?](repeating: nil, count: 7))
    #expect(limit.admit("b", at: start + .milliseconds(11)) == 0)
    #expect(limit.admit("a", at: start + .milliseconds(999)) == nil)
    #expect(limit.admit("a", at: start + .milliseconds(1_000)) == 8)
    #expect(limit.admit("a", at: start + .milliseconds(1_001)) == 0)
  }

  @Test("remembers a bounded number of sources")
  func sources() {
    var limit = EventLimit<Int>(eventsPerSecond: 1)
    for source in 0..<(3 * EventLimit<Int>.maximumSources) {
      #expect(limit.admit(source, at: start + .microseconds(source)) == 0)
    }
    let last = 3 * EventLimit<Int>.maximumSources - 1
    #expect(limit.admit(last, at: start + .milliseconds(900)) == nil)
    #expect(limit.admit(0, at: start + .milliseconds(900)) == 0, "it was forgotten")
  }

  @Test("never lets more through than it should, whatever comes when")
  func bruteForce() {
    var random = SystemRandomNumberGenerator()
    var limit = EventLimit<Int>(eventsPerSecond: 5)
    var now = start
    var (all, told) = (0, 0)
    var admitted: [[ContinuousClock.Instant]] = [[], [], []]
    for _ in 0..<20_000 {
      now += .milliseconds(Int64.random(in: 0...60, using: &random))
      let source = Int.random(in: 0..<3, using: &random)
      all += 1
      guard let suppressed = limit.admit(source, at: now) else { continue }
      told += suppressed + 1
      admitted[source].append(now)
    }
    // Of windows that are still open nothing was told yet.
    #expect(told <= all && told > all - 3 * 200)
    for times in admitted {
      for (index, time) in times.enumerated().dropFirst(10) {
        #expect(times[index - 10].duration(to: time) >= .seconds(1), "more than two windows' events within a second")
      }
    }
  }
}

@Suite("a log of what others can provoke")
struct LimitedLogTests {
  @Test("has no more than a few lines a second of one source, and not many of all")
  func limits() {
    let lines = RecordingHandler.Lines()
    let log = LimitedLog<Int>(Logger(label: "test") { _ in RecordingHandler(lines: lines) })
    for _ in 0..<1_000 { log.log(.info, "flood", of: -1, [:]) }
    #expect(lines.all.count >= LimitedLog<Int>.linesPerSecond.source && lines.all.count < 500)
    for source in 0..<10_000 { log.log(.info, "flood", of: source, [:]) }
    #expect(lines.all.count < 5_000)
  }
}
