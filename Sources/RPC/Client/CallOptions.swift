/// What a caller may say of a call besides its request and timeout.
public struct CallOptions: Sendable {
  /// Makes a mutation idempotent: the server carries out the same key of the same caller once. Nil = none, or a random one
  /// where the method needs one; 1 to 128 bytes of UTF-8.
  public var idempotencyKey: String?
  /// W3C traceparent to send; nil = that of the task's `ServiceContext`, where tracing is set up.
  public var traceparent: String?
  /// Calls with the same key, such as the tenant, go to the same server while it is up; nil = to the least busy one.
  public var key: String?
  /// Asks several servers where one is slow, instead of retrying; nil = does not. For idempotent unary methods, and a
  /// `ServiceClient`.
  public var hedging: Hedging?

  /// Nothing special.
  public init(
    key: String? = nil, idempotencyKey: String? = nil, traceparent: String? = nil, hedging: Hedging? = nil
  ) {
    self.key = key
    self.hedging = hedging
    self.idempotencyKey = idempotencyKey
    self.traceparent = traceparent
  }
}
