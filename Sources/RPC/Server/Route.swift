import Messages

/// A method as its server knows it: the row of its table without the message types, and the handler.
final class Route: Sendable {
  let method: AnyMethod
  let handler: Handler
  /// The handler has no end of its own: its calls end when their connection is to go.
  let isEndless: Bool

  /// Whether the handler runs on the reactor's thread.
  var isOnReactor: Bool { if case .reactor = handler { true } else { false } }

  /// The threads that the handler may block; nil where it may block none.
  var pool: BlockingPool? { if case .task(.blocking(let pool), _) = handler { pool } else { nil } }

  /// What answers a call.
  enum Handler: Sendable {
    /// At once, on the reactor's thread.
    case reactor(any ReactorHandler)
    /// In a task of its own; returns the last response where the handler does not send its responses itself.
    case task(HandlerPlace, @Sendable (Call, CallContext) async throws -> [UInt8]?)
  }

  init<Q, R>(_ method: Method<Q, R>, isEndless: Bool = false, _ handler: Handler) {
    self.method = AnyMethod(method)
    self.isEndless = isEndless
    self.handler = handler
  }
}
