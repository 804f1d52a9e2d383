/// A call that ended otherwise than well.
public struct RPCError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What kind of end; never `ok`.
  public var code: StatusCode
  /// For people: what went wrong, where, the limit, the remedy.
  public var message: String
  /// Which fields of the request were refused, and why.
  public var violations: [FieldViolation]
  /// How long to wait before trying again, where the server names a time.
  public var retryAfter: Duration?
  /// Address (`host:port`) of the server that owns what was asked for, where this one does not.
  public var owner: String?
  /// How far the call got, as far as this side knows.
  public internal(set) var reach = Reach.unknown

  /// How far a failed call got.
  public enum Reach: Sendable {
    /// Its handler may have begun.
    case unknown
    /// It did not leave this side.
    case notSent
    /// The server dropped it unread, as its GOAWAY says.
    case dropped
  }

  /// An error with its details; most have none.
  public init(
    _ code: StatusCode, _ message: String, violations: [FieldViolation] = [], retryAfter: Duration? = nil,
    owner: String? = nil
  ) {
    precondition(code != .ok, "OK is not an error")
    self.code = code
    self.message = message
    self.violations = violations
    self.retryAfter = retryAfter
    self.owner = owner
  }

  /// UNAVAILABLE for a call that no handler has seen.
  static func unavailable(_ message: String, _ reach: Reach) -> RPCError {
    var error = RPCError(.unavailable, message)
    error.reach = reach
    return error
  }

  /// Whether another stream, begun where this one broke, may fare better: the server was away, or says when to come again.
  public var isWorthAnotherStream: Bool {
    switch code {
    case .unavailable, .deadlineExceeded: true
    case .resourceExhausted, .aborted: retryAfter != nil
    default: false
    }
  }

  /// The code's name, the message, the refused fields.
  public var description: String {
    let fields = violations.map { "; \($0.field): \($0.reason)" }.joined()
    return "\(code.name): \(message)\(fields)"
  }
}

/// One refused field of a request.
public struct FieldViolation: Sendable, Equatable {
  /// Path of the field in the request, such as `customers[3].birth_year`.
  public var field: String
  /// What is wrong, and the limit.
  public var reason: String

  /// The field at `field`, refused for `reason`.
  public init(_ field: String, _ reason: String) {
    self.field = field
    self.reason = reason
  }
}
