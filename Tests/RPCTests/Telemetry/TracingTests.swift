import InMemoryTracing
import Logging
import Messages
import Synchronization
import Testing
import Tracing

@testable import RPC

/// Keeps spans in memory, and reads and writes `traceparent` as tracers do.
private struct W3CTracer: Tracer {
  let spans = InMemoryTracer(
    idGenerator: .init(
      nextTraceID: { UInt64.random(in: 1 ... .max).digits + UInt64.random(in: 1 ... .max).digits },
      nextSpanID: { UInt64.random(in: 1 ... .max).digits }))

  func startSpan<Instant: TracerInstant>(
    _ name: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
    at instant: @autoclosure () -> Instant, function: String, file: String, line: UInt
  ) -> InMemorySpan {
    spans.startSpan(
      name, context: context(), ofKind: kind, at: instant(), function: function, file: file, line: line)
  }

  func forceFlush() {}

  func extract<Carrier, Extract: Extractor>(
    _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
  ) where Extract.Carrier == Carrier {
    guard let parts = extractor.extract(key: "traceparent", from: carrier)?.split(separator: "-") else { return }
    context.inMemorySpanContext = InMemorySpanContext(
      traceID: String(parts[1]), spanID: String(parts[2]), parentSpanID: nil)
  }

  func inject<Carrier, Inject: Injector>(
    _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
  ) where Inject.Carrier == Carrier {
    guard let span = context.inMemorySpanContext else { return }
    injector.inject("00-\(span.traceID)-\(span.spanID)-01", forKey: "traceparent", into: &carrier)
  }
}

extension UInt64 {
  fileprivate var digits: String {
    let text = String(self, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }
}

@Suite("traces")
struct TracingTests {
  private static let incoming = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
  private static let traceID = "4bf92f3577b34da6a3ce929d0e0e4736"

  /// Handlers that answer what a call from them would hand on, and what their log lines carry.
  private static func router(failing: Bool = false) -> Router {
    routes { router in
      router.onReactor(TestService.onReactor) { (_, response, _) throws(RPCError) in
        if failing { throw RPCError(.notFound, "nothing here") }
        response.grant = Array(said.utf8)
      }
      router.unary(TestService.unary) { _, _ in
        if failing { throw RPCError(.notFound, "nothing here") }
        return blob(said)
      }
    }
  }

  private static var said: String {
    let logged = Logger.MetadataProvider.trace.get()["trace_id"].map { "\($0)" } ?? "-"
    return "\(TraceContext.current?.description ?? "none") \(logged)"
  }

  @Test(
    "go through a server without a tracer as they came",
    arguments: [TestService.onReactor, TestService.unary])
  func passed(method: RPC.Method<Blob, Blob>) async throws {
    try await withService(Self.router()) { channel, _ in
      let answer = try await channel.call(method, options: CallOptions(traceparent: Self.incoming), blob("")).text
      #expect(answer == "\(Self.incoming) \(Self.traceID)")
      #expect(try await channel.text(method, "") == "none -")
      // What is no traceparent is no reason to fail.
      let wrong = String(Self.incoming.dropLast())
      #expect(try await channel.call(method, options: CallOptions(traceparent: wrong), blob("")).text == "none -")
    }
  }

  @Test(
    "get a span of the process's tracer for each call, below the caller's",
    arguments: [TestService.onReactor, TestService.unary], [true, false])
  func spans(method: RPC.Method<Blob, Blob>, failing: Bool) async throws {
    let tracer = W3CTracer()
    let server = try withTracer(tracer) { try serve(Self.router(failing: failing)) }
    let client = try channel(to: server.port)
    let answer = try? await client.call(method, options: CallOptions(traceparent: Self.incoming), blob("")).text
    await until("the span has ended") { tracer.spans.finishedSpans.count == 1 }
    let span = try #require(tracer.spans.finishedSpans.first)
    #expect(span.operationName == method.name)
    #expect(span.kind == .server)
    #expect(span.traceID == Self.traceID)
    #expect(span.parentSpanID == "00f067aa0ba902b7")
    #expect(span.status == (failing ? SpanStatus(code: .error, message: "nothing here") : nil))
    #expect(answer == (failing ? nil : "00-\(Self.traceID)-\(span.spanID)-01 \(Self.traceID)"))
    _ = try? await client.text(method, "")
    await until("the second span has ended") { tracer.spans.finishedSpans.count == 2 }
    #expect(tracer.spans.finishedSpans.last?.parentSpanID == nil, "a call without a trace begins one")
    await client.close()
    await server.shutdown(grace: .seconds(5))
  }

  @Test("go on in the calls that a handler makes")
  func nested() async throws {
    let tracer = W3CTracer()
    let inner = try serve(Self.router())
    let toInner = try channel(to: inner.port)
    let outer = try withTracer(tracer) {
      try serve(routes { $0.unary(TestService.unary) { _, _ in blob(try await toInner.text(TestService.unary, "")) } })
    }
    let client = try channel(to: outer.port)
    let answer = try await client.call(
      TestService.unary, options: CallOptions(traceparent: Self.incoming), blob("")
    ).text
    await until("the span has ended") { tracer.spans.finishedSpans.count == 1 }
    let span = try #require(tracer.spans.finishedSpans.first)
    #expect(answer == "00-\(Self.traceID)-\(span.spanID)-01 \(Self.traceID)")
    for one in [client, toInner] { await one.close() }
    for one in [outer, inner] { await one.shutdown(grace: .seconds(5)) }
  }
}
