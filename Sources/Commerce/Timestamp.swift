import Glibc

/// A moment in UTC, in whole microseconds since 1970-01-01T00:00:00Z, without leap seconds.
public struct Timestamp: Hashable, Sendable, Comparable {
  /// Microseconds since the epoch; negative before it.
  public let microseconds: Int64

  /// The moment so many microseconds after the epoch.
  public init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  /// 1970-01-01T00:00:00Z.
  public static let epoch = Timestamp(microseconds: 0)
  /// The moments that ISO 8601 writes with a four-digit year: 0001-01-01 to the end of 9999.
  public static let admitted =
    Timestamp(microseconds: -62_135_596_800 * second)...Timestamp(microseconds: 253_402_300_800 * second - 1)

  /// What the machine's clock shows; for the rim only, logic takes the time as an argument.
  public static func wallClock() -> Timestamp {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Timestamp(microseconds: Int64(now.tv_sec) * second + Int64(now.tv_nsec) / 1000)
  }

  /// Moves by whole days of 86,400 s.
  public func adding(days: Int) -> Timestamp {
    self + .seconds(86_400 * days)
  }

  /// 00:00 UTC of the moment's day.
  public var startOfDay: Timestamp {
    let (days, rest) = microseconds.quotientAndRemainder(dividingBy: Self.day)
    return Timestamp(microseconds: (rest < 0 ? days - 1 : days) * Self.day)
  }

  /// Moves by a duration, cut to whole microseconds; stops at the ends of what 64 bits hold.
  public static func + (time: Timestamp, duration: Duration) -> Timestamp {
    let step = duration.wholeMicroseconds
    let (sum, overflow) = time.microseconds.addingReportingOverflow(step)
    return Timestamp(microseconds: overflow ? (step > 0 ? .max : .min) : sum)
  }

  /// Moves back by a duration, cut to whole microseconds; stops at the ends of what 64 bits hold.
  public static func - (time: Timestamp, duration: Duration) -> Timestamp {
    time + (.zero - duration)
  }

  /// How long after `b` the moment `a` is.
  public static func - (a: Timestamp, b: Timestamp) -> Duration {
    .microseconds(a.microseconds) - .microseconds(b.microseconds)
  }

  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }

  static let second: Int64 = 1_000_000
  static let day: Int64 = 86_400 * second
}

extension Duration {
  fileprivate var wholeMicroseconds: Int64 {
    let (whole, overflow) = components.seconds.multipliedReportingOverflow(by: Timestamp.second)
    guard !overflow else { return components.seconds > 0 ? .max : .min }
    return whole + components.attoseconds / 1_000_000_000_000
  }
}
