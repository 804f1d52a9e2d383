/// What a caller may say of a call besides its request and timeout.
public struct CallOptions: Sendable {
  /// Makes a mutation idempotent: the server carries out the same key of the same caller once. Nil = none; 1 to 128
  /// bytes of UTF-8.
  public var idempotencyKey: String?
  /// W3C traceparent to send; nil = that of the task's `ServiceContext`, where tracing is set up.
  public var traceparent: String?

  /// Nothing special.
  public init(idempotencyKey: String? = nil, traceparent: String? = nil) {
    self.idempotencyKey = idempotencyKey
    self.traceparent = traceparent
  }
}
