extension Timestamp: CustomStringConvertible {
  /// Reads `2011-09-30`, `2011-09-30T08:26:00Z`, `2011-09-30 08:26:00.123456+01:00` and the like (RFC 3339).
  ///
  /// A date alone is its first moment. Without an offset the text is UTC. Digits past the microsecond, leap seconds and
  /// years outside 0001 to 9999 are refused. `InvalidField` names the field `time`.
  public init(iso8601 text: String) throws(InvalidField) {
    var text = text
    guard let time = text.withUTF8({ Self.parse($0) }), Self.admitted.contains(time) else {
      throw InvalidField(
        field: "time", reason: "'\(text)' is no time; write 2011-09-30 or 2011-09-30T08:26:00Z")
    }
    self = time
  }

  /// `2011-09-30T08:26:00Z`, with six more digits where there is a fraction of a second; a moment that is not `admitted`
  /// is written as its count of microseconds.
  public var iso8601: String {
    guard Self.admitted.contains(self) else { return "\(microseconds) µs" }
    var days = microseconds / Self.day
    var rest = microseconds % Self.day
    if rest < 0 {
      days -= 1
      rest += Self.day
    }
    let (year, month, day) = Self.civil(fromDays: days)
    let seconds = rest / Self.second
    let fraction = rest % Self.second
    return String(unsafeUninitializedCapacity: 40) { buffer in
      var writer = DigitWriter(buffer: buffer)
      writer.write(year, digits: 4)
      writer.write("-", month, digits: 2)
      writer.write("-", day, digits: 2)
      writer.write("T", seconds / 3600, digits: 2)
      writer.write(":", seconds / 60 % 60, digits: 2)
      writer.write(":", seconds % 60, digits: 2)
      if fraction != 0 { writer.write(".", fraction, digits: 6) }
      writer.write("Z")
      return writer.count
    }
  }

  public var description: String { iso8601 }

  private static func parse(_ text: UnsafeBufferPointer<UInt8>) -> Timestamp? {
    var reader = DigitReader(bytes: text)
    guard let year = reader.number(digits: 4), reader.skip("-"), let month = reader.number(digits: 2), reader.skip("-"),
      let day = reader.number(digits: 2), (1...12).contains(month), day >= 1, day <= length(ofMonth: month, in: year)
    else { return nil }
    let midnight = days(fromCivil: year, month, day) * Self.day
    guard !reader.isAtEnd else { return Timestamp(microseconds: midnight) }

    guard reader.skip("T") || reader.skip("t") || reader.skip(" "), let hour = reader.number(digits: 2), hour < 24,
      reader.skip(":"), let minute = reader.number(digits: 2), minute < 60
    else { return nil }
    var time = midnight + (hour * 60 + minute) * 60 * Self.second
    if reader.skip(":") {
      guard let second = reader.number(digits: 2), second < 60 else { return nil }
      time += second * Self.second
      if reader.skip(".") {
        guard let fraction = reader.fraction(digits: 6) else { return nil }
        time += fraction
      }
    }
    guard let offset = reader.offsetMinutes(), reader.isAtEnd else { return nil }
    return Timestamp(microseconds: time - offset * 60 * Self.second)
  }

  private static func length(ofMonth month: Int64, in year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days since the epoch of a date of the proleptic Gregorian calendar (Hinnant, "chrono-compatible low-level date
  /// algorithms": years begin in March, so that the leap day is the last).
  private static func days(fromCivil year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let era = (year >= 0 ? year : year - 399) / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  /// The inverse of `days(fromCivil:)`.
  private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
  }
}
