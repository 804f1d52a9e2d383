import Logging
import Transport

/// Logs a server's calls: every one at `debug`; at `warning` those that were refused or that broke the server's own rules,
/// as far as one caller does not fill the log with them.
public final class CallLog: ServerInterceptor {
  private let logger: Logger
  private let warnings: LimitedLog<PeerIdentity>
  /// Asked once: the answer costs more than all else that a call is logged with.
  private let logsAll: Bool

  /// Writes to `logger`.
  public init(_ logger: Logger) {
    self.logger = logger
    warnings = LimitedLog(logger)
    logsAll = logger.logLevel <= .debug
  }

  public var seesCallsThatEndWell: Bool { logsAll }

  public func ended(_ context: CallContext, _ summary: CallSummary) {
    if summary.code.isWorthWarning,
      warnings.log(.warning, "call refused or failed", of: context.peer, metadata(context, summary))
    {
      return
    }
    if logsAll { logger.debug("call", metadata: metadata(context, summary)) }
  }

  private func metadata(_ context: CallContext, _ summary: CallSummary) -> Logger.Metadata {
    var metadata: Logger.Metadata = [
      "method": "\(context.method)", "peer": "\(context.peer)", "code": "\(summary.code.name)",
      "duration_us": "\(summary.nanoseconds / 1_000)", "request_bytes": "\(summary.requestBytes)",
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
