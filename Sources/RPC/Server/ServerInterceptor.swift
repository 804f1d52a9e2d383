/// Sees every call of a server: counts it, logs it, or refuses it.
///
/// It is asked on the reactor's thread, between a call's bytes and its handler: it must neither block nor take longer than
/// a microsecond.
public protocol ServerInterceptor: AnyObject, Sendable {
  /// The caller may make this call, and its handler is next. Throwing refuses the call with that status.
  func began(_ context: CallContext) throws(RPCError)

  /// The call is over: once for each that began, however it ended, and for each that was refused before it began.
  func ended(_ context: CallContext, _ summary: CallSummary)

  /// False where `began` does nothing and `ended` only looks at calls that ended otherwise than well: it is not asked then.
  var seesCallsThatEndWell: Bool { get }
}

extension ServerInterceptor {
  /// Refuses nothing.
  public func began(_ context: CallContext) throws(RPCError) {}

  /// Sees every call.
  public var seesCallsThatEndWell: Bool { true }
}

/// What came of a call.
public struct CallSummary: Sendable {
  /// False where the call was refused before anybody was told that it began: no such method, no right to call it, too
  /// many calls in flight.
  public var hasBegun: Bool
  /// What it ended with; nil = well.
  public var error: RPCError? { failure?.error }
  /// From the arrival of its first frame until its status or last message was handed to the connection, ns.
  public var nanoseconds: Int64
  /// Encoded messages that came in, without their frames' headers.
  public var requestBytes: Int
  /// Encoded messages that were handed to the connection, without their frames' headers.
  public var responseBytes: Int
  /// One word, for most calls end well.
  private let failure: Failure?

  private final class Failure: Sendable {
    let error: RPCError
    init(_ error: RPCError) { self.error = error }
  }

  /// How it ended.
  public var code: StatusCode { failure?.error.code ?? .ok }

  /// A call's end.
  public init(hasBegun: Bool, error: RPCError?, nanoseconds: Int64, requestBytes: Int, responseBytes: Int) {
    self.hasBegun = hasBegun
    failure = error.map { Failure($0) }
    self.nanoseconds = nanoseconds
    self.requestBytes = requestBytes
    self.responseBytes = responseBytes
  }
}
