import Messages

/// A streaming call as its caller sees it. When neither it nor its responses are held any more, the call is cancelled.
public final class ClientCall<Q: Message, R: Message>: Sendable {
  private let handle: CallHandle
  private let requests: OutgoingMessages<Q>

  init(_ handle: CallHandle, of method: Method<Q, R>) {
    self.handle = handle
    requests = OutgoingMessages(
      of: handle.call, maximumBytes: method.maximumRequestBytes, maximumCount: method.kind.streamsRequests ? .max : 1)
  }

  /// The server's messages; they end with an `RPCError` where the call ends otherwise than well.
  public var responses: IncomingMessages<R> { IncomingMessages(of: handle.call, from: .server, handle: handle) }

  /// Sends one request message; suspends while the server gives no credit.
  public func send<E: Error>(_ build: (Draft<Q>) throws(E) -> Void) async throws { try await requests.send(build) }

  /// Sends one request message that is encoded already.
  public func send(_ message: Encoded<Q>) async throws(RPCError) { try await requests.send(message) }

  /// Sends the only request, of a method that streams its answers alone. Where the call ends meanwhile the responses tell, the
  /// messages that have come first.
  public func sendOnly<E: Error>(_ build: (Draft<Q>) throws(E) -> Void) async throws {
    do {
      try await requests.send(build)
      try await finish()
    } catch {
      guard handle.call.hasEnded else { throw error }
    }
  }

  /// Tells the server that no more requests follow.
  public func finish() async throws(RPCError) { try handle.call.finishSending() }

  /// Gives the call up; its responses end with CANCELLED.
  public func cancel() { handle.call.abandon() }
}
