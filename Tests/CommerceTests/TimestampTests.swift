import Commerce
import Testing

@Suite("Commerce: time")
struct TimestampTests {
  @Test(
    "texts of RFC 3339 are read",
    arguments: [
      ("1970-01-01", 0), ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999999Z", -1),
      ("2010-12-01T08:26:00Z", 1_291_191_960_000_000), ("2010-12-01 08:26:00", 1_291_191_960_000_000),
      ("2010-12-01t08:26z", 1_291_191_960_000_000), ("2010-12-01T09:26:00+01:00", 1_291_191_960_000_000),
      ("2010-12-01T02:56:00-0530", 1_291_191_960_000_000), ("2010-12-01T08:26:00.5Z", 1_291_191_960_500_000),
      ("2010-12-01T08:26:00.000001Z", 1_291_191_960_000_001), ("2000-02-29", 951_782_400_000_000),
      ("0001-01-01", -62_135_596_800_000_000), ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ] as [(String, Int64)])
  func read(text: String, microseconds: Int64) throws {
    #expect(try Timestamp(iso8601: text).microseconds == microseconds)
  }

  @Test(
    "everything else is refused",
    arguments: [
      "", "now", "2010", "2010-12", "2010-13-01", "2010-00-01", "2010-12-00", "2010-12-32", "2010-11-31", "1900-02-29",
      "2011-02-29", "2010-1-1", "2010-12-01T", "2010-12-01T24:00:00Z", "2010-12-01T08:60:00Z", "2010-12-01T08:26:60Z",
      "2010-12-01T08:26:00.", "2010-12-01T08:26:00.1234567Z", "2010-12-01T08:26:00X", "2010-12-01T08:26:00+1",
      "2010-12-01T08:26:00+24:00", "2010-12-01T08:26:00Z ", " 2010-12-01", "0000-12-31", "0001-01-01T00:00:00+00:01",
      "9999-12-31T23:59:59-00:01", "12/01/2010 08:26", "2010-12-01T08:26:00ZZ", "２０１０-12-01",
    ])
  func refuse(text: String) {
    #expect {
      try Timestamp(iso8601: text)
    } throws: { error in
      "\(error)".hasPrefix("time '\(text)' is no time")
    }
  }

  @Test("any moment of the years 1 to 9999 is written and read again", arguments: 0..<4)
  func roundTrip(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let range = Timestamp.admitted.lowerBound.microseconds...Timestamp.admitted.upperBound.microseconds
    for _ in 0..<20_000 {
      let whole = Int64.random(in: range, using: &random)
      for microseconds in [whole, whole / 1_000_000 * 1_000_000] {
        let text = Timestamp(microseconds: microseconds).iso8601
        #expect(try Timestamp(iso8601: text).microseconds == microseconds, "\(text)")
      }
    }
  }

  @Test("days follow each other over the whole calendar")
  func days() throws {
    var day = Timestamp.admitted.lowerBound
    var previous = ""
    var count = 0
    while day <= Timestamp.admitted.upperBound {
      let text = day.iso8601
      // Fixed-width dates sort as their texts do.
      guard text > previous, text.hasSuffix("T00:00:00Z"), day.startOfDay == day else {
        Issue.record("\(text) after \(previous)")
        return
      }
      previous = text
      day = day.adding(days: 1)
      count += 1
    }
    #expect(count == 3_652_059)
    #expect(previous == "9999-12-31T00:00:00Z")
  }

  @Test("arithmetic stops at the ends of what 64 bits hold")
  func arithmetic() throws {
    let noon = try Timestamp(iso8601: "2011-09-30T12:00:00Z")
    #expect((noon + .seconds(90)).iso8601 == "2011-09-30T12:01:30Z")
    #expect((noon - .milliseconds(1)).iso8601 == "2011-09-30T11:59:59.999000Z")
    #expect(noon.adding(days: -30).iso8601 == "2011-08-31T12:00:00Z")
    #expect(noon - noon.adding(days: -1) == .seconds(86_400))
    #expect(noon.startOfDay.iso8601 == "2011-09-30T00:00:00Z")
    #expect(Timestamp(microseconds: -1).startOfDay.iso8601 == "1969-12-31T00:00:00Z")
    let (first, last) = (Timestamp(microseconds: .min), Timestamp(microseconds: .max))
    #expect(last + .seconds(1) == last && first - .seconds(1) == first)
    #expect(first + .seconds(Int64.min) == first && last + .seconds(Int64.max) == last)
    #expect(last - first == .microseconds(Int64.max) - .microseconds(Int64.min))
    #expect(last.iso8601 == "9223372036854775807 µs")
  }
}
