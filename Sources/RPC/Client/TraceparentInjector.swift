import Tracing

/// Takes the W3C traceparent out of what a tracer wants to hand on; the wire has no place for the rest.
struct TraceparentInjector: Injector {
  func inject(_ value: String, forKey key: String, into traceparent: inout String) {
    if key == "traceparent" { traceparent = value }
  }

  /// The traceparent of the current task; empty where it is not traced.
  static var current: String {
    guard let context = ServiceContext.current else { return "" }
    var traceparent = ""
    InstrumentationSystem.instrument.inject(context, into: &traceparent, using: Self())
    return traceparent
  }
}
