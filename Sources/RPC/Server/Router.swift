import Messages
import Transport

/// Which handler answers which method. A method without a handler is UNIMPLEMENTED.
public struct Router: Sendable {
  private(set) var routes: [UInt32: Route] = [:]

  /// A router without any method.
  public init() {}

  /// Answers a unary method synchronously on the reactor's thread: no task, no lock, no allocation.
  ///
  /// The handler must neither block nor take longer than some microseconds: every other call of the reactor waits for
  /// it. The draft is good only until it returns.
  public mutating func onReactor<Q, R>(
    _ method: Method<Q, R>,
    _ handler: @escaping @Sendable (View<Q>, Draft<R>, CallContext) throws(RPCError) -> Void
  ) {
    add(method, DraftingHandler(method, handler))
  }

  /// The same for a method that is called so often that a draft of its response costs too much: the handler writes the
  /// response's fields as they go over the wire.
  public mutating func onReactorInPlace<Q, R>(
    _ method: Method<Q, R>,
    _ handler: @escaping @Sendable (View<Q>, inout MessageWriter, CallContext) throws(RPCError) -> Void
  ) {
    add(method, WritingHandler(method, isHeavy: nil, handler))
  }

  /// The same, but for requests that would keep the reactor too long: those run on the pool, by the same handler.
  public mutating func onReactorInPlace<Q, R>(
    _ method: Method<Q, R>, pool: BlockingPool, where isHeavy: @escaping @Sendable (View<Q>) -> Bool,
    _ handler: @escaping @Sendable (View<Q>, inout MessageWriter, CallContext) throws(RPCError) -> Void
  ) {
    let onPool = Self.unaryRoute(method, runs: .blocking(pool)) { request, context in
      try Encoded<R>(atMost: method.maximumResponseBytes) { writer throws(RPCError) in
        try handler(request, &writer, context)
        if writer.hasOverflowed { throw .responseTooLarge(nil, method) }
      }
    }
    add(method, WritingHandler(method, isHeavy: isHeavy, handler), heavy: onPool)
  }

  private mutating func add<Q, R>(_ method: Method<Q, R>, _ handler: any ReactorHandler, heavy: Route? = nil) {
    precondition(method.kind == .unary, "\(method.name) is not unary")
    precondition(
      method.maximumRequestBytes <= Limits.maximumSingleFrameMessageBytes,
      "\(method.name): a request on the reactor is one frame, at most \(Limits.maximumSingleFrameMessageBytes) bytes")
    add(Route(method, heavy: heavy, .reactor(handler)))
  }

  /// Answers a unary method in a task of its own, which is cancelled when the call is.
  public mutating func unary<Q, R>(
    _ method: Method<Q, R>, runs place: HandlerPlace = .anywhere,
    _ handler: @escaping @Sendable (View<Q>, CallContext) async throws -> Encoded<R>
  ) {
    add(Self.unaryRoute(method, runs: place, handler))
  }

  private static func unaryRoute<Q, R>(
    _ method: Method<Q, R>, runs place: HandlerPlace,
    _ handler: @escaping @Sendable (View<Q>, CallContext) async throws -> Encoded<R>
  ) -> Route {
    precondition(method.kind == .unary, "\(method.name) is not unary")
    return Route(
      method,
      .task(place) { call, context in
        guard let request = try await IncomingMessages<Q>(of: call, from: .client).first() else {
          throw RPCError(.invalidArgument, "\(method.name): no request")
        }
        let response = try await handler(request, context).bytes
        guard response.count <= method.maximumResponseBytes else {
          throw RPCError.responseTooLarge(response.count, method)
        }
        return response
      })
  }

  /// Answers a streaming method of any kind in a task of its own, which is cancelled when the call is.
  ///
  /// The call ends well when the handler returns. A method with a single response sends exactly one. A handler that is
  /// endless, because it tells of changes, is not waited for when its server stops or its connection has become too old:
  /// its calls end with UNAVAILABLE then, and their callers ask again elsewhere.
  public mutating func stream<Q, R>(
    _ method: Method<Q, R>, runs place: HandlerPlace = .anywhere, isEndless: Bool = false,
    _ handler: @escaping @Sendable (Requests<Q>, Responses<R>, CallContext) async throws -> Void
  ) {
    precondition(method.kind != .unary, "\(method.name) is unary")
    add(
      Route(
        method, isEndless: isEndless,
        .task(place) { call, context in
          let responses = OutgoingMessages<R>(
            of: call, maximumBytes: method.maximumResponseBytes, maximumCount: method.kind.streamsResponses ? .max : 1)
          try await handler(IncomingMessages(of: call, from: .client), responses, context)
          guard method.kind.streamsResponses || call.sentMessages == 1 else {
            throw HandlerFault.noResponse(method: method.name)
          }
          return nil
        }))
  }

  private mutating func add(_ route: Route) {
    let id = methodID(route.method.name)
    if let other = routes[id] {
      preconditionFailure("\(route.method.name) and \(other.method.name) have the same id or are the same method")
    }
    routes[id] = route
  }
}

/// How a handler broke its contract; logged, and INTERNAL to the caller.
enum HandlerFault: Error {
  case noResponse(method: String)
}
