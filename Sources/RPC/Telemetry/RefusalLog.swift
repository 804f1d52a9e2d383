import Logging
import Synchronization
import Transport

/// Logs connections that a server did not let in, as far as strangers do not fill the log with them.
final class RefusalLog: Sendable {
  /// Lines a second of one host, and of all hosts together.
  static let linesPerSecond = (host: 5, all: 50)

  private struct Limits {
    var byHost = EventLimit<String>(eventsPerSecond: linesPerSecond.host)
    var all = EventLimit<Int>(eventsPerSecond: linesPerSecond.all)
  }

  private let logger: Logger
  private let limits = Mutex(Limits())

  init(_ logger: Logger) { self.logger = logger }

  func note(_ error: TransportError, from address: SocketAddress) {
    let now = ContinuousClock.now
    let suppressed = limits.withLock { limits -> Int? in
      guard let ofHost = limits.byHost.admit(address.host, at: now), let ofAll = limits.all.admit(0, at: now) else {
        return nil
      }
      return max(ofHost, ofAll)
    }
    guard let suppressed else { return }
    var metadata: Logger.Metadata = ["error": "\(error)", "from": "\(address)"]
    if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
    logger.info("connection refused", metadata: metadata)
  }
}
