import Messages

/// Where the handler of a call sends its responses.
public typealias Responses<R: Message> = OutgoingMessages<R>

/// The messages that this side of a call sends, in order.
///
/// Sending suspends while the receiver gives no credit or the connection is full.
public struct OutgoingMessages<M: Message>: Sendable {
  private let call: Call
  private let maximumBytes: Int
  private let maximumCount: Int

  init(of call: Call, maximumBytes: Int, maximumCount: Int) {
    self.call = call
    self.maximumBytes = maximumBytes
    self.maximumCount = maximumCount
  }

  /// Sends one message. Throws what `build` throws, and `RPCError`: RESOURCE_EXHAUSTED past the method's limit, the
  /// call's own error once it has ended.
  public func send<E: Error>(_ build: (Draft<M>) throws(E) -> Void) async throws {
    try await send(Encoded(build))
  }

  /// Sends one message that is encoded already.
  public func send(_ message: Encoded<M>) async throws(RPCError) {
    guard message.bytes.count <= maximumBytes else {
      throw RPCError(
        .resourceExhausted,
        "\(call.method): a message of \(message.bytes.count) bytes, over the method's limit of \(maximumBytes); split it"
      )
    }
    guard call.sentMessages < maximumCount else {
      throw RPCError(.internal, "\(call.method) sends \(maximumCount) message, not more")
    }
    try await call.send(message.bytes)
  }
}
