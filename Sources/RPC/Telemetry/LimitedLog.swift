import Logging
import Synchronization

/// A log of what others can provoke, of which no source gets more than its share: a line tells how many of its kind were
/// kept back before it.
final class LimitedLog<Source: Hashable & Sendable>: Sendable {
  /// Lines a second of one source, and of all together.
  static var linesPerSecond: (source: Int, all: Int) { (5, 50) }

  private struct Limits {
    var bySource = EventLimit<Source>(eventsPerSecond: linesPerSecond.source)
    var all = EventLimit<Int>(eventsPerSecond: linesPerSecond.all)
  }

  private let logger: Logger
  private let limits = Mutex(Limits())

  init(_ logger: Logger) { self.logger = logger }

  /// Logs, unless `source` or all of them have had their share; returns whether it did.
  @discardableResult
  func log(
    _ level: Logger.Level, _ message: Logger.Message, of source: Source, _ metadata: @autoclosure () -> Logger.Metadata
  ) -> Bool {
    let now = ContinuousClock.now
    let suppressed = limits.withLock { limits -> Int? in
      guard let ofSource = limits.bySource.admit(source, at: now), let ofAll = limits.all.admit(0, at: now) else {
        return nil
      }
      return max(ofSource, ofAll)
    }
    guard let suppressed else { return false }
    var metadata = metadata()
    if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
    logger.log(level: level, message, metadata: metadata)
    return true
  }
}
