import Messages
import Transport

/// A method without the types of its messages: for whoever learns only at run time which method to call.
public struct AnyMethod: Sendable {
  /// As in `Method`.
  public let name: String
  /// As in `Method`.
  public let kind: MethodKind
  /// As in `Method`.
  public let callers: Set<Role>
  /// As in `Method`.
  public let server: Role?
  /// As in `Method`.
  public let maximumRequestBytes: Int
  /// As in `Method`.
  public let maximumResponseBytes: Int
  /// As in `Method`.
  public let maximumMessagesPerSecond: Int?
  /// As in `Method`.
  public let timeout: Duration
  /// As in `Method`.
  public let idempotency: Idempotency
  /// Type of the requests.
  public let request: MessageType
  /// Type of the responses.
  public let response: MessageType

  private let makeCall: @Sendable (ServiceClient, Duration?, CallOptions, [UInt8]) async throws(RPCError) -> [UInt8]
  private let openStream: @Sendable (ServiceClient, Duration?, CallOptions) async throws(RPCError) -> AnyCall

  /// Forgets the types of a method's messages.
  public init<Q, R>(_ method: Method<Q, R>) {
    name = method.name
    kind = method.kind
    callers = method.callers
    server = method.server
    maximumRequestBytes = method.maximumRequestBytes
    maximumResponseBytes = method.maximumResponseBytes
    maximumMessagesPerSecond = method.maximumMessagesPerSecond
    timeout = method.timeout
    idempotency = method.idempotency
    request = MessageType(Q.self)
    response = MessageType(R.self)
    makeCall = { (client, timeout, options, request) async throws(RPCError) in
      try await client.call(method, timeout: timeout, options: options, Encoded(unchecked: request)).encoded().bytes
    }
    openStream = { (client, timeout, options) async throws(RPCError) in
      AnyCall(try await client.stream(method, timeout: timeout, options: options))
    }
  }

  /// Calls a unary method with an encoded request; the encoded response.
  public func call(
    _ client: ServiceClient, timeout: Duration? = nil, options: CallOptions = CallOptions(), _ request: [UInt8]
  ) async throws(RPCError) -> [UInt8] {
    precondition(kind == .unary, "\(name) is not unary")
    return try await makeCall(client, timeout, options, request)
  }

  /// Starts a streaming call of any other kind.
  public func stream(
    _ client: ServiceClient, timeout: Duration? = nil, options: CallOptions = CallOptions()
  ) async throws(RPCError) -> AnyCall {
    precondition(kind != .unary, "\(name) is unary")
    return try await openStream(client, timeout, options)
  }
}

/// A streaming call without the types of its messages.
public struct AnyCall: Sendable {
  private let sendOne: @Sendable ([UInt8]) async throws(RPCError) -> Void
  private let finishSending: @Sendable () async throws(RPCError) -> Void
  private let giveUp: @Sendable () -> Void
  private let receiveAll: @Sendable (@Sendable ([UInt8]) throws -> Void) async throws -> Void

  init<Q, R>(_ call: ClientCall<Q, R>) {
    sendOne = { (bytes) async throws(RPCError) in try await call.send(Encoded(unchecked: bytes)) }
    finishSending = { () async throws(RPCError) in try await call.finish() }
    giveUp = { call.cancel() }
    receiveAll = { handle in for try await response in call.responses { try handle(response.encoded().bytes) } }
  }

  /// Sends an encoded request; suspends while too much waits to go out.
  public func send(_ request: [UInt8]) async throws(RPCError) { try await sendOne(request) }

  /// Tells the server that no more requests follow.
  public func finish() async throws(RPCError) { try await finishSending() }

  /// Gives the call up; `receive` ends with CANCELLED.
  public func cancel() { giveUp() }

  /// Hands out each encoded response as it comes, until the call ends; throws what it ends with.
  public func receive(_ handle: @Sendable ([UInt8]) throws -> Void) async throws { try await receiveAll(handle) }
}
