import Logging
import Tracing

extension TraceContext {
  /// What a call made from the current task hands on: the current span of the process's tracer, or, where there is no
  /// tracer, what came with the call that the task handles. Nil outside of any trace.
  public static var current: TraceContext? {
    guard let context = ServiceContext.current else { return nil }
    return TraceContext(of: context, writtenBy: InstrumentationSystem.instrument)
  }

  /// What `instrument` writes for `context`; where it writes nothing, what came with the call.
  init?(of context: ServiceContext, writtenBy instrument: any Instrument) {
    var carrier = TraceCarrier()
    instrument.inject(context, into: &carrier, using: TraceCarrier.Access())
    guard let found = carrier.traceparent.flatMap({ TraceContext(parsing: $0) }) ?? context.traceContext else {
      return nil
    }
    self = found
  }
}

extension ServiceContext {
  private enum TraceContextKey: ServiceContextKey {
    typealias Value = TraceContext
    static let nameOverride: String? = "nightjar-traceparent"
  }

  /// Trace of the call that is handled. Spans that the handler starts are not in it: `TraceContext.current` is what to
  /// hand on.
  public var traceContext: TraceContext? {
    get { self[TraceContextKey.self] }
    set { self[TraceContextKey.self] = newValue }
  }

  /// The context of a call that came with `incoming`, as `instrument` and our own log understand it.
  init(from incoming: TraceContext?, extractedBy instrument: any Instrument) {
    self = .topLevel
    guard let incoming else { return }
    let carrier = TraceCarrier(traceparent: incoming.description)
    instrument.extract(carrier, into: &self, using: TraceCarrier.Access())
    traceContext = incoming
  }
}

extension Logger.MetadataProvider {
  /// Puts `trace_id` into every line that is logged while handling a traced call.
  public static let trace = Logger.MetadataProvider {
    TraceContext.current.map { ["trace_id": "\($0.traceIDText)"] } ?? [:]
  }
}

/// The one field of a call's metadata that a tracer may read and write.
struct TraceCarrier: Sendable {
  var traceparent: String?

  struct Access: Extractor, Injector {
    private static let key = "traceparent"

    func extract(key: String, from carrier: TraceCarrier) -> String? {
      key.lowercased() == Self.key ? carrier.traceparent : nil
    }

    func inject(_ value: String, forKey key: String, into carrier: inout TraceCarrier) {
      if key.lowercased() == Self.key { carrier.traceparent = value }
    }
  }
}
