import Messages

/// The requests of a call, as its handler reads them.
public typealias Requests<Q: Message> = IncomingMessages<Q>

/// The messages that the other side of a call sends, in order; to be read once, by one task.
///
/// Reading gives the sender credit for more, so that an unread stream holds a bounded amount of memory. It ends with an
/// `RPCError` where the call does.
public struct IncomingMessages<M: Message>: AsyncSequence, Sendable {
  public typealias Element = View<M>
  public typealias Failure = RPCError

  /// Whose messages they are: a client's bad message is its own fault, a server's is not the caller's.
  enum Sender { case client, server }

  private let call: Call
  private let sender: Sender
  /// Keeps the call alive as long as somebody reads it.
  private let handle: CallHandle?

  init(of call: Call, from sender: Sender, handle: CallHandle? = nil) {
    self.call = call
    self.sender = sender
    self.handle = handle
  }

  /// Reads the messages one by one.
  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let messages: IncomingMessages<M>

    /// The next message; nil after the last.
    public mutating func next() async throws(RPCError) -> View<M>? { try await messages.first() }

    /// The next message; nil after the last.
    public mutating func next(isolation actor: isolated (any Actor)?) async throws(RPCError) -> View<M>? {
      try await messages.first()
    }
  }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(messages: self) }

  /// The first message that has not been read.
  func first() async throws(RPCError) -> View<M>? {
    guard let bytes = try await next() else { return nil }
    do throws(MessageError) {
      return try Encoded<M>(unchecked: bytes).decode()
    } catch {
      switch sender {
      case .client: throw RPCError(.invalidArgument, "\(call.method): \(error)")
      case .server: throw RPCError(.internal, "\(call.method): the server's answer cannot be read: \(error)")
      }
    }
  }

  private func next() async throws(RPCError) -> [UInt8]? {
    do throws(RPCError) {
      let bytes = try await call.next()
      handle?.load?.answered()
      return bytes
    } catch {
      handle?.load?.failed(error)
      throw error
    }
  }
}
