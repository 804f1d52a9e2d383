import CoreMetrics
import Synchronization

/// Counts a server's calls through swift-metrics: by method and code, how long they took, their bytes, how many are in
/// flight.
///
/// Everything but the first call of a method with a code goes through handles that were made before: some atomic
/// instructions a call, no lock, no allocation.
public final class CallMetrics: ServerInterceptor {
  /// What each metric is, by its name, for a backend that wants to say so.
  public static let help: [(name: String, help: String)] = [
    (Name.calls, "Calls that have ended, by method and status code."),
    (Name.seconds, "Time from a call's first frame to its end, in seconds."),
    (Name.requestBytes, "Encoded request messages."),
    (Name.responseBytes, "Encoded response messages."),
    (Name.inFlight, "Calls that have begun and not ended."),
  ]

  private enum Name {
    static let calls = "nightjar_rpc_calls_total"
    static let seconds = "nightjar_rpc_call_seconds"
    static let requestBytes = "nightjar_rpc_request_bytes_total"
    static let responseBytes = "nightjar_rpc_response_bytes_total"
    static let inFlight = "nightjar_rpc_calls_in_flight"
  }

  /// The handles of one method.
  private final class Handles: Sendable {
    let method: String
    let seconds: CoreMetrics.Timer
    let requestBytes: Counter
    let responseBytes: Counter
    let inFlight: Meter
    private let factory: any MetricsFactory
    private let ok: Counter
    /// By raw value of the code; most never occur and are not shown.
    private let failed: Mutex<[Counter?]>

    init(_ method: String, _ factory: any MetricsFactory) {
      self.method = method
      self.factory = factory
      let labels = [("method", method)]
      seconds = CoreMetrics.Timer(label: Name.seconds, dimensions: labels, factory: factory)
      requestBytes = Counter(label: Name.requestBytes, dimensions: labels, factory: factory)
      responseBytes = Counter(label: Name.responseBytes, dimensions: labels, factory: factory)
      inFlight = Meter(label: Name.inFlight, dimensions: labels, factory: factory)
      ok = Self.calls(method, .ok, factory)
      failed = Mutex([Counter?](repeating: nil, count: StatusCode.allCases.count))
    }

    func count(_ code: StatusCode) {
      guard code != .ok else { return ok.increment() }
      failed.withLock { counters in
        let counter = counters[Int(code.rawValue)] ?? Self.calls(method, code, factory)
        counters[Int(code.rawValue)] = counter
        counter.increment()
      }
    }

    private static func calls(_ method: String, _ code: StatusCode, _ factory: any MetricsFactory) -> Counter {
      Counter(label: Name.calls, dimensions: [("method", method), ("code", code.name)], factory: factory)
    }
  }

  private let table: MethodIndex<Handles>
  /// Of calls to methods that the server does not have.
  private let unknown: Handles

  /// Counts the calls of `router`'s methods with instruments of `factory`.
  public init(_ router: Router, factory: any MetricsFactory) {
    table = MethodIndex(router.routes.mapValues { Handles($0.method.name, factory) })
    unknown = Handles("unknown", factory)
  }

  public func began(_ context: CallContext) throws(RPCError) {
    handles(context.methodID).borrowing { $0.inFlight.increment() }
  }

  public func ended(_ context: CallContext, _ summary: CallSummary) {
    handles(context.methodID).borrowing { handles in
      if summary.hasBegun { handles.inFlight.decrement() }
      handles.count(summary.code)
      handles.seconds.recordNanoseconds(summary.nanoseconds)
      handles.requestBytes.increment(by: summary.requestBytes)
      handles.responseBytes.increment(by: summary.responseBytes)
    }
  }

  private func handles(_ id: UInt32) -> Unmanaged<Handles> { table[id] ?? .passUnretained(unknown) }
}
