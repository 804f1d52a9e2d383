import Commerce
import Foundation

/// When a night's work has to be done: at 06:00 where the tenant is, before anybody looks at its lists.
struct NightDeadlines {
  /// The hour by the tenant's clock.
  private static let hour = 6
  /// A night as of a moment further away than this from the wall clock is a replay, which has the time that a night as of
  /// that moment has.
  private static let live: Duration = .seconds(86_400)

  private let startedAt: Timestamp
  /// Business time at the start.
  private let start: Timestamp
  private var known: [String: Timestamp] = [:]

  init(startedAt: Timestamp, asOf: Timestamp) {
    self.startedAt = startedAt
    let distance = startedAt - asOf
    start = distance <= Self.live && distance >= .zero - Self.live ? startedAt : asOf
  }

  /// The wall clock at the first 06:00 after the start in a time zone, by its IANA name (UTC where nothing is known of it).
  mutating func deadline(in name: String) -> Timestamp {
    if let deadline = known[name] { return deadline }
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = TimeZone(identifier: name) ?? .gmt
    let from = Date(timeIntervalSince1970: Double(start.microseconds) / 1e6)
    let next = calendar.nextDate(
      after: from, matching: DateComponents(hour: Self.hour, minute: 0, second: 0), matchingPolicy: .nextTime)
    let seconds = (next ?? from.addingTimeInterval(86_400)).timeIntervalSince(from)
    let deadline = startedAt + .milliseconds(Int64((seconds * 1_000).rounded()))
    known[name] = deadline
    return deadline
  }
}
