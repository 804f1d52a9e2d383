import Messages

/// A synchronous handler without its message types.
protocol ReactorHandler: Sendable {
  /// Decodes the request, runs the handler, and writes the response through `connection`; returns the response's bytes.
  func answer(
    _ request: UnsafeRawBufferPointer, _ context: CallContext, _ scratch: ReactorScratch, stream: UInt32,
    on connection: ServerConnection
  ) throws(RPCError) -> Int
}

/// The synchronous handler of one method.
struct TypedReactorHandler<Q: Message, R: Message>: ReactorHandler {
  let method: Method<Q, R>
  let body: @Sendable (View<Q>, Draft<R>, CallContext) throws(RPCError) -> Void

  func answer(
    _ request: UnsafeRawBufferPointer, _ context: CallContext, _ scratch: ReactorScratch, stream: UInt32,
    on connection: ServerConnection
  ) throws(RPCError) -> Int {
    let view: View<Q>
    do throws(MessageError) {
      view = try scratch.request.decode(from: request)
    } catch {
      throw RPCError(.invalidArgument, "\(method.name): \(error)")
    }
    let draft = Draft<R>(in: scratch.response)
    try body(view, draft, context)
    let bytes = draft.packedSize
    guard bytes <= method.maximumResponseBytes else { throw .responseTooLarge(bytes, method) }
    connection.answer(stream, context, bytes: bytes) { _ = draft.pack(into: $0) }
    return bytes
  }
}

/// Memory for the synchronous handlers of one reactor, used again for every call.
///
/// Sendable because only the reactor's own connections use it, on its thread.
final class ReactorScratch: @unchecked Sendable {
  private let requestLimit: Int
  private(set) var request: Arena
  private(set) var response: Arena

  /// Scratch for requests of at most `maximumRequestBytes`.
  init(maximumRequestBytes: Int) {
    requestLimit = Arena.limit(forWireBytes: maximumRequestBytes)
    request = Arena(limit: requestLimit)
    response = Arena(limit: .max)
  }

  /// Makes the memory free for the next call; where a handler kept a view, it keeps that memory.
  func reset() {
    if isKnownUniquelyReferenced(&request) { request.reset() } else { request = Arena(limit: requestLimit) }
    if isKnownUniquelyReferenced(&response) { response.reset() } else { response = Arena(limit: .max) }
  }
}

extension RPCError {
  /// A response over its method's limit: a fault of the server's own.
  static func responseTooLarge<Q, R>(_ bytes: Int, _ method: Method<Q, R>) -> RPCError {
    RPCError(
      .resourceExhausted,
      "\(method.name): a response of \(bytes) bytes, over the method's limit of \(method.maximumResponseBytes); ask for less"
    )
  }
}
