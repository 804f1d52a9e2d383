import Foundation

/// What a moment means to a business: how far pay-day is, and where in the year it lies (proleptic Gregorian, UTC).
struct BusinessCalendar: Hashable, Sendable {
  /// Days until the next pay-day, the last working day (Monday to Friday) of a month; 0 on the day.
  let daysToPayDay: Int
  /// Sine and cosine of the part of the year that has passed, as an angle.
  let seasonSine: Float
  let seasonCosine: Float

  private static let daysInYear = 365.2425

  /// - Parameter time: µs since the epoch.
  init(time: Int64) {
    let day = Int((Double(time) / microsecondsPerDay).rounded(.down))
    let (year, month) = Self.yearAndMonth(ofDay: day)
    let thisPayDay = Self.payDay(year, month)
    let payDay = day <= thisPayDay ? thisPayDay : Self.payDay(month == 12 ? year + 1 : year, month % 12 + 1)
    daysToPayDay = payDay - day
    let angle = 2 * Double.pi * Double(day - Self.day(year, 1, 1)) / Self.daysInYear
    (seasonSine, seasonCosine) = (Float(sin(angle)), Float(cos(angle)))
  }

  /// The last day of the month that is neither Saturday nor Sunday; day 0 was a Thursday.
  private static func payDay(_ year: Int, _ month: Int) -> Int {
    let last = (month == 12 ? day(year + 1, 1, 1) : day(year, month + 1, 1)) - 1
    let weekday = ((last + 3) % 7 + 7) % 7
    return last - max(0, weekday - 4)
  }

  /// Days since 1970-01-01. Years begin in March here, so that a leap day ends them.
  private static func day(_ year: Int, _ month: Int, _ dayOfMonth: Int) -> Int {
    let year = month > 2 ? year : year - 1
    let era = Int((Double(year) / 400).rounded(.down))
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + dayOfMonth - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func yearAndMonth(ofDay day: Int) -> (year: Int, month: Int) {
    let shifted = day + 719_468
    let era = Int((Double(shifted) / 146_097).rounded(.down))
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153 + 3
    return (yearOfEra + era * 400 + (month > 12 ? 1 : 0), month > 12 ? month - 12 : month)
  }
}
