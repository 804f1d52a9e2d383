/// Lets through so many events a second of each source, and counts the others: what a peer can provoke must not fill a log.
struct EventLimit<Source: Hashable & Sendable>: Sendable {
  private struct Window {
    let start: ContinuousClock.Instant
    var events: Int
    var suppressed: Int
  }

  /// Sources that are told apart at one time; past it all are forgotten, since to look for the quiet ones would cost more
  /// than some lines too many.
  static var maximumSources: Int { 1_024 }

  private let eventsPerSecond: Int
  private var windows: [Source: Window] = [:]

  /// At most `eventsPerSecond` of one source in a second.
  init(eventsPerSecond: Int) { self.eventsPerSecond = eventsPerSecond }

  /// Whether to let this event through: how many of its source were suppressed since the last that was, nil = suppress it.
  ///
  /// Complexity: O(1), amortized.
  mutating func admit(_ source: Source, at now: ContinuousClock.Instant) -> Int? {
    if let window = windows[source], window.start.duration(to: now) < .seconds(1) {
      let isOver = window.events >= eventsPerSecond
      windows[source]?.events += isOver ? 0 : 1
      windows[source]?.suppressed = isOver ? window.suppressed + 1 : 0
      return isOver ? nil : window.suppressed
    }
    let suppressed = windows[source]?.suppressed ?? 0
    if windows.count >= Self.maximumSources { windows.removeAll(keepingCapacity: true) }
    windows[source] = Window(start: now, events: 1, suppressed: 0)
    return suppressed
  }
}
