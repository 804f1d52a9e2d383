/// Lets through so many events a second of each source, and counts the others: what a peer can provoke must not fill a log.
struct EventLimit<Source: Hashable & Sendable>: Sendable {
  private struct Window {
    let start: ContinuousClock.Instant
    var events: Int
    var suppressed: Int
  }

  /// Sources that are told apart at one time; past it the longest quiet are forgotten.
  static var maximumSources: Int { 1_024 }

  private let eventsPerSecond: Int
  private var windows: [Source: Window] = [:]

  /// At most `eventsPerSecond` of one source in a second.
  init(eventsPerSecond: Int) { self.eventsPerSecond = eventsPerSecond }

  /// Whether to let this event through: how many of its source were suppressed since the last that was, nil = suppress it.
  ///
  /// Complexity: O(1); O(sources) when a new source comes while there are `maximumSources`.
  mutating func admit(_ source: Source, at now: ContinuousClock.Instant) -> Int? {
    if let window = windows[source], window.start.duration(to: now) < .seconds(1) {
      let isOver = window.events >= eventsPerSecond
      windows[source]?.events += isOver ? 0 : 1
      windows[source]?.suppressed = isOver ? window.suppressed + 1 : 0
      return isOver ? nil : window.suppressed
    }
    let suppressed = windows[source]?.suppressed ?? 0
    if windows.count >= Self.maximumSources, windows[source] == nil { forget(at: now) }
    windows[source] = Window(start: now, events: 1, suppressed: 0)
    return suppressed
  }

  /// Forgets the sources whose second is over, or the oldest where there is none.
  private mutating func forget(at now: ContinuousClock.Instant) {
    let before = windows.count
    windows = windows.filter { $0.value.start.duration(to: now) < .seconds(1) }
    guard windows.count == before, let oldest = windows.min(by: { $0.value.start < $1.value.start }) else { return }
    windows[oldest.key] = nil
  }
}
