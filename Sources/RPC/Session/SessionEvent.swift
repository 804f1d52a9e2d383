/// What an incoming frame means to whoever holds the session.
enum SessionEvent<Call> {
  /// Nothing to be done, or the session has done it.
  case none
  /// A client opens a stream. The frame is not yet taken: `admit` it, or `pass` it and answer or refuse.
  case call
  /// A whole message; `cost` is to be given back with `release` once it has been read. `last` half-closes the stream.
  case message(Call, [UInt8], cost: Int, last: Bool)
  /// The client sends no more messages.
  case halfClosed(Call)
  /// The server has ended the call; the frame's body is the status. The stream is gone.
  case ended(Call)
  /// The client has given the call up. The stream is gone.
  case cancelled(Call)
  /// A message broke a limit: end the stream with this error.
  case refused(stream: UInt32, Call, RPCError)
  /// The peer takes no calls above `lastStream`; those that were sent are gone and listed.
  case goAway(reason: String, notProcessed: [Call])
}
