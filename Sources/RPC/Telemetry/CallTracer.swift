import Tracing

/// Runs handlers inside the trace that their calls came with, and gives the process's tracer a span for each.
///
/// A call that is not traced, on a process without a tracer, costs one comparison.
struct CallTracer: Sendable {
  /// Nil where nobody wants spans.
  private let tracer: (any Tracer)?

  /// Uses the tracer that the process, or the current task, has now.
  init() {
    let found = InstrumentationSystem.tracer
    tracer = found is NoOpTracer ? nil : found
  }

  /// Runs a handler on the reactor's thread.
  @inline(__always)
  func run<R>(_ context: CallContext, _ handler: () throws(RPCError) -> R) throws(RPCError) -> R {
    guard tracer != nil || context.trace != nil else { return try handler() }
    return try trace(context, handler)
  }

  private func trace<R>(_ context: CallContext, _ handler: () throws(RPCError) -> R) throws(RPCError) -> R {
    let (span, service) = begin(context)
    defer { span?.end() }
    do throws(RPCError) {
      return try ServiceContext.withValue(service) { Result(catching: handler) }.get()
    } catch {
      Self.note(error, in: span)
      throw error
    }
  }

  /// Runs a handler in the current task.
  func run<R>(_ context: CallContext, _ handler: () async -> Result<R, RPCError>) async -> Result<R, RPCError> {
    guard tracer != nil || context.trace != nil else { return await handler() }
    let (span, service) = begin(context)
    defer { span?.end() }
    let outcome = await ServiceContext.withValue(service) { await handler() }
    if case .failure(let error) = outcome { Self.note(error, in: span) }
    return outcome
  }

  /// Starts the call's span, and returns it with the context that its handler runs in.
  private func begin(_ context: CallContext) -> (span: (any Span)?, ServiceContext) {
    guard let tracer else { return (nil, ServiceContext(from: context.trace, extractedBy: NoOpInstrument())) }
    let incoming = ServiceContext(from: context.trace, extractedBy: tracer)
    let span = tracer.startSpan(context.method, context: incoming, ofKind: .server)
    span.attributes["rpc.system"] = "nightjar"
    span.attributes["rpc.method"] = context.method
    span.attributes["peer"] = "\(context.peer)"
    var service = span.context
    // For whoever reads it where the tracer is not at hand: nested calls and log lines belong to this span.
    service.traceContext = TraceContext(of: service, writtenBy: tracer)
    return (span, service)
  }

  private static func note(_ error: RPCError, in span: (any Span)?) {
    guard let span else { return }
    span.attributes["rpc.status"] = error.code.name
    span.setStatus(SpanStatus(code: .error, message: error.message))
  }
}
