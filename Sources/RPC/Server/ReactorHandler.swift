import Messages

/// A synchronous handler without its message types.
protocol ReactorHandler: AnyObject, Sendable {
  /// Decodes the request, runs the handler, and writes the response through `connection`; returns the response's bytes.
  /// Nil: the request is not for the reactor, and nothing was done.
  func answer(
    _ request: UnsafeRawBufferPointer, _ context: CallContext, _ scratch: ReactorScratch, stream: UInt32,
    on connection: ServerConnection
  ) throws(RPCError) -> Int?
}

/// The synchronous handler of one method, which fills a draft of its response.
final class DraftingHandler<Q: Message, R: Message>: ReactorHandler {
  private let method: Method<Q, R>
  private let body: @Sendable (View<Q>, Draft<R>, CallContext) throws(RPCError) -> Void

  init(_ method: Method<Q, R>, _ body: @escaping @Sendable (View<Q>, Draft<R>, CallContext) throws(RPCError) -> Void) {
    self.method = method
    self.body = body
  }

  func answer(
    _ request: UnsafeRawBufferPointer, _ context: CallContext, _ scratch: ReactorScratch, stream: UInt32,
    on connection: ServerConnection
  ) throws(RPCError) -> Int? {
    defer { scratch.reset() }
    let view = try scratch.decode(request, of: method)
    let draft = Draft<R>(in: scratch.response)
    try body(view, draft, context)
    let bytes = draft.packedSize
    guard bytes <= method.maximumResponseBytes else { throw .responseTooLarge(bytes, method) }
    connection.answer(stream, context, bytes: bytes) { _ = draft.pack(into: $0) }
    return bytes
  }
}

/// The synchronous handler of one method, which writes its response field by field.
final class WritingHandler<Q: Message, R: Message>: ReactorHandler {
  private let method: Method<Q, R>
  /// Which requests are not for the reactor.
  private let isHeavy: (@Sendable (View<Q>) -> Bool)?
  private let body: @Sendable (View<Q>, inout MessageWriter, CallContext) throws(RPCError) -> Void

  init(
    _ method: Method<Q, R>, isHeavy: (@Sendable (View<Q>) -> Bool)?,
    _ body: @escaping @Sendable (View<Q>, inout MessageWriter, CallContext) throws(RPCError) -> Void
  ) {
    self.method = method
    self.isHeavy = isHeavy
    self.body = body
  }

  func answer(
    _ request: UnsafeRawBufferPointer, _ context: CallContext, _ scratch: ReactorScratch, stream: UInt32,
    on connection: ServerConnection
  ) throws(RPCError) -> Int? {
    defer { scratch.resetRequest() }
    let view = try scratch.decode(request, of: method)
    if let isHeavy, isHeavy(view) { return nil }
    let memory = scratch.written(method.maximumResponseBytes)
    var writer = MessageWriter(into: memory)
    try body(view, &writer, context)
    guard !writer.hasOverflowed else { throw .responseTooLarge(nil, method) }
    let bytes = writer.count
    connection.answer(stream, context, bytes: bytes) {
      $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<bytes]))
    }
    return bytes
  }
}

/// Memory for the synchronous handlers of one reactor, used again for every call.
///
/// Sendable because only the reactor's own connections use it, on its thread.
final class ReactorScratch: @unchecked Sendable {
  private let requestLimit: Int
  // Handlers that answer at once do not nest.
  @exclusivity(unchecked) private var request: Arena
  @exclusivity(unchecked) private(set) var response: Arena
  @exclusivity(unchecked) private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  /// Scratch for requests of at most `maximumRequestBytes`.
  init(maximumRequestBytes: Int) {
    requestLimit = Arena.limit(forWireBytes: maximumRequestBytes)
    request = Arena(limit: requestLimit)
    response = Arena(limit: .max)
  }

  deinit { memory.deallocate() }

  /// The request of a call of `method`; INVALID_ARGUMENT where it is none.
  func decode<Q, R>(_ bytes: UnsafeRawBufferPointer, of method: Method<Q, R>) throws(RPCError) -> View<Q> {
    do throws(MessageError) {
      return try Arena.decode(from: bytes, in: .passUnretained(request))
    } catch {
      throw RPCError(.invalidArgument, "\(method.name): \(error)")
    }
  }

  /// Memory for a response that is written field by field, `bytes` long.
  func written(_ bytes: Int) -> UnsafeMutableRawBufferPointer {
    if memory.count < bytes {
      memory.deallocate()
      memory = .allocate(byteCount: bytes, alignment: MemoryLayout<UInt64>.alignment)
    }
    return UnsafeMutableRawBufferPointer(rebasing: memory[..<bytes])
  }

  /// Makes the memory free for the next call; where a handler kept a view, it keeps that memory.
  func reset() {
    resetRequest()
    if isKnownUniquelyReferenced(&response) { response.reset() } else { response = Arena(limit: .max) }
  }

  /// The same where no response was drafted.
  func resetRequest() {
    if isKnownUniquelyReferenced(&request) { request.reset() } else { request = Arena(limit: requestLimit) }
  }
}

extension RPCError {
  /// A response over its method's limit: a fault of the server's own.
  static func responseTooLarge<Q, R>(_ bytes: Int?, _ method: Method<Q, R>) -> RPCError {
    let size = bytes.map { " of \($0) bytes," } ?? ""
    return RPCError(
      .resourceExhausted,
      "\(method.name): a response\(size) over the method's limit of \(method.maximumResponseBytes) bytes; ask for less")
  }
}
