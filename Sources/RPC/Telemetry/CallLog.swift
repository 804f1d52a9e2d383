import Logging
import Synchronization
import Transport

/// Logs a server's calls: every one at `debug`; at `warning` those that were refused or that broke the server's own rules,
/// as far as one caller does not fill the log with them.
public final class CallLog: ServerInterceptor {
  /// Warnings of one caller in a second; of those over it, the next one tells how many there were.
  public static let warningsPerSecond = 5

  private let logger: Logger
  private let warnings = Mutex(EventLimit<PeerIdentity>(eventsPerSecond: warningsPerSecond))

  /// Writes to `logger`.
  public init(_ logger: Logger) { self.logger = logger }

  public func ended(_ context: CallContext, _ summary: CallSummary) {
    if summary.code.isWorthWarning {
      let now = ContinuousClock.now
      if let suppressed = warnings.withLock({ $0.admit(context.peer, at: now) }) {
        var metadata = metadata(context, summary)
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        return logger.warning("call refused or failed", metadata: metadata)
      }
    }
    logger.debug("call", metadata: metadata(context, summary))
  }

  private func metadata(_ context: CallContext, _ summary: CallSummary) -> Logger.Metadata {
    var metadata: Logger.Metadata = [
      "method": "\(context.method)", "peer": "\(context.peer)", "code": "\(summary.code.name)",
      "duration_us": "\(summary.duration.nanoseconds / 1_000)", "request_bytes": "\(summary.requestBytes)",
      "response_bytes": "\(summary.responseBytes)",
    ]
    if let error = summary.error { metadata["error"] = "\(error.message)" }
    if let trace = context.trace { metadata["trace_id"] = "\(trace.traceIDText)" }
    return metadata
  }
}

extension StatusCode {
  /// Whether an operator should see a call that ended so: the caller may not do that, does too much, or met a fault of ours.
  fileprivate var isWorthWarning: Bool {
    switch self {
    case .permissionDenied, .unauthenticated, .resourceExhausted, .unimplemented, .internal, .unknown, .dataLoss: true
    default: false
    }
  }
}
