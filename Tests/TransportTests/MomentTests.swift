import Testing

@testable import Transport

@Suite("moments")
struct MomentTests {
  @Test("are those of ContinuousClock")
  func sameClock() {
    let (before, moment, after) = (ContinuousClock.now, Moment.now, ContinuousClock.now)
    let instant = moment.instant
    // Converted by way of the present, which moves on between two readings.
    #expect(instant >= before - .milliseconds(100) && instant <= after + .milliseconds(100))
  }

  @Test("are as far apart as was added, in order")
  func distance() {
    let moment = Moment.now
    let later = moment.advanced(byNanoseconds: 1_500)
    #expect(moment < later && !(later < moment) && !(moment < moment))
    #expect(moment.nanoseconds(to: later) == 1_500 && later.nanoseconds(to: moment) == -1_500)
    #expect(moment.duration(to: later) == .nanoseconds(1_500))
  }

  @Test("end at the end of time")
  func ends() {
    let last = Moment.now.advanced(byNanoseconds: .max)
    #expect(last.nanoseconds == .max)
    #expect(last.advanced(byNanoseconds: 1).nanoseconds == .max)
    #expect(Moment(nanoseconds: -2).advanced(byNanoseconds: .min).nanoseconds == .min)
  }

  @Test(
    "durations in nanoseconds stop at 292 years",
    arguments: [
      (Duration.zero, Int64(0)), (.nanoseconds(1), 1), (.seconds(-1), -1_000_000_000), (.seconds(Int64.max), Int64.max),
      (.seconds(Int64.min), Int64.min),
    ])
  func nanoseconds(duration: Duration, expected: Int64) {
    #expect(duration.nanoseconds == expected)
  }
}
