import Transport

/// What a server is doing: the figures that are read when somebody asks.
public struct ServerFigures: Sendable {
  /// Of connections and handshakes.
  public var listener: ListenerFigures
  /// Handlers in tasks of their own that have not returned.
  public var runningHandlers: Int
  /// Calls that run on pools of threads for blocking work, or wait for one.
  public var blockingCalls: Int
  /// Bytes that wait because the callers' sockets take no more.
  public var unsentBytes: Int
}
