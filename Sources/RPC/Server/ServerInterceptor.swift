/// Sees every call of a server: counts it, logs it, or refuses it.
///
/// It is asked on the reactor's thread, between a call's bytes and its handler: it must neither block nor take longer than
/// a microsecond.
public protocol ServerInterceptor: AnyObject, Sendable {
  /// The caller may make this call, and its handler is next. Throwing refuses the call with that status.
  func began(_ context: CallContext) throws(RPCError)

  /// The call is over: once for each that began, however it ended, and for each that was refused before it began.
  func ended(_ context: CallContext, _ summary: CallSummary)
}

extension ServerInterceptor {
  /// Refuses nothing.
  public func began(_ context: CallContext) throws(RPCError) {}
}

/// What came of a call.
public struct CallSummary: Sendable {
  /// False where the call was refused before anybody was told that it began: no such method, no right to call it, too
  /// many calls in flight.
  public var hasBegun: Bool
  /// What it ended with; nil = well.
  public var error: RPCError?
  /// From the arrival of its first frame until its status or last message was handed to the connection.
  public var duration: Duration
  /// Encoded messages that came in, without their frames' headers.
  public var requestBytes: Int
  /// Encoded messages that were handed to the connection, without their frames' headers.
  public var responseBytes: Int

  /// How it ended.
  public var code: StatusCode { error?.code ?? .ok }

  /// A call's end.
  public init(hasBegun: Bool, error: RPCError?, duration: Duration, requestBytes: Int, responseBytes: Int) {
    self.hasBegun = hasBegun
    self.error = error
    self.duration = duration
    self.requestBytes = requestBytes
    self.responseBytes = responseBytes
  }
}
