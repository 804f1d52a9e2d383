import Messages

/// What a CALL says of itself besides its message and deadline.
struct CallMetadata: Sendable, Equatable {
  /// Longest texts, in bytes of UTF-8.
  static let maximumTraceparentBytes = 64
  static let maximumKeyBytes = 128

  /// W3C traceparent; empty = the call is not traced.
  var traceparent = ""
  /// How often the call was tried before.
  var attempt: UInt32 = 0
  /// Empty = no key.
  var idempotencyKey = ""

  /// Nothing to say.
  init() {}

  /// What the caller said, and the task's trace where the caller named none.
  init(_ options: CallOptions) {
    traceparent = options.traceparent ?? TraceContext.current?.description ?? ""
    idempotencyKey = options.idempotencyKey ?? ""
  }

  /// Encodes what there is to say; nothing is no bytes. Throws INVALID_ARGUMENT for a text over its limit.
  func encoded(for method: String) throws(RPCError) -> [UInt8] {
    guard self != CallMetadata() else { return [] }
    try Self.check(traceparent, "traceparent", atMost: Self.maximumTraceparentBytes, method)
    try Self.check(idempotencyKey, "idempotency key", atMost: Self.maximumKeyBytes, method)
    return Encoded<Proto.CallMetadata> {
      $0.traceparent = traceparent
      $0.attempt = attempt
      $0.idempotency_key = idempotencyKey
    }.bytes
  }

  private static func check(_ text: String, _ what: String, atMost limit: Int, _ method: String) throws(RPCError) {
    guard text.utf8.count <= limit, !text.utf8.contains(0) else {
      throw RPCError(
        .invalidArgument, "\(method): \(what) of \(text.utf8.count) bytes; at most \(limit), and none of them NUL")
    }
  }
}
