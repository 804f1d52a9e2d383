import Messages
import Transport

/// How many messages each side of a call sends.
public enum MethodKind: Sendable {
  /// One request, one response.
  case unary
  /// One request, any number of responses.
  case serverStream
  /// Any number of requests, one response.
  case clientStream
  /// Any number of requests and responses, in any order.
  case bidirectional

  var streamsRequests: Bool { self == .clientStream || self == .bidirectional }
  var streamsResponses: Bool { self == .serverStream || self == .bidirectional }
}

/// A method of a service: its name, its messages, who may call it, and its limits.
///
/// The tables of all methods live in `NightjarClient`, so that servers and clients agree on them.
public struct Method<Request: Message, Response: Message>: Sendable {
  /// Full name, such as `nightjar.v1.Ranker/GetRecommendations`.
  public let name: String
  /// FNV-1a (32 bits) of the name: how the wire names the method.
  public let id: UInt32
  /// How many messages each side sends.
  public let kind: MethodKind
  /// The roles that may call it; every other gets PERMISSION_DENIED.
  public let callers: Set<Role>
  /// The role whose servers answer it; nil = every role.
  public let server: Role?
  /// Longest encoded request message, in bytes; checked by writer and reader.
  public let maximumRequestBytes: Int
  /// Longest encoded response message, in bytes; checked by writer and reader.
  public let maximumResponseBytes: Int
  /// Messages that a client may send in a second on one connection, of all its calls of the method together; checked by
  /// writer and reader. Nil = as many as credit allows.
  public let maximumMessagesPerSecond: Int?
  /// Time from start to end when the caller sets none.
  public let timeout: Duration
  /// What happens when a call is carried out twice.
  public let idempotency: Idempotency

  /// A row of a service's method table.
  public init(
    _ name: String, _ kind: MethodKind, callers: Set<Role>, server: Role?, maximumRequestBytes: Int,
    maximumResponseBytes: Int, maximumMessagesPerSecond: Int? = nil, timeout: Duration = .seconds(5),
    idempotency: Idempotency = .none
  ) {
    precondition(maximumMessagesPerSecond.map { $0 > 0 } ?? true, "\(name): no message a second")
    precondition(maximumRequestBytes <= Limits.maximumMessageBytes, "\(name): requests over the protocol's limit")
    precondition(maximumResponseBytes <= Limits.maximumMessageBytes, "\(name): responses over the protocol's limit")
    precondition(timeout > .zero && timeout <= Limits.maximumTimeout, "\(name): a timeout outside the protocol's range")
    self.name = name
    self.id = methodID(name)
    self.kind = kind
    self.callers = callers
    self.server = server
    self.maximumRequestBytes = maximumRequestBytes
    self.maximumResponseBytes = maximumResponseBytes
    self.maximumMessagesPerSecond = maximumMessagesPerSecond
    self.timeout = timeout
    self.idempotency = idempotency
  }
}

/// FNV-1a, 32 bits, over the UTF-8 of a method's full name. Source: Fowler, Noll, Vo; draft-eastlake-fnv.
public func methodID(_ name: String) -> UInt32 {
  name.utf8.reduce(0x811c_9dc5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
}
