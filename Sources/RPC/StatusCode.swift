/// How a call ended: the canonical gRPC status codes.
public enum StatusCode: UInt32, Sendable, CaseIterable {
  /// The call succeeded.
  case ok = 0
  /// The caller gave the call up.
  case cancelled = 1
  /// An error of another kind than all the others.
  case unknown = 2
  /// The request is wrong whatever state the server is in.
  case invalidArgument = 3
  /// The deadline passed before the call ended; the work may have been done.
  case deadlineExceeded = 4
  /// What was asked for does not exist.
  case notFound = 5
  /// What was to be created exists.
  case alreadyExists = 6
  /// The caller's certificate does not give it the right to do this.
  case permissionDenied = 7
  /// A limit was reached: of size, of calls in flight, of a quota.
  case resourceExhausted = 8
  /// The state of what was asked for forbids it; trying again does not help.
  case failedPrecondition = 9
  /// Another change came first; start again from reading.
  case aborted = 10
  /// Past the valid range.
  case outOfRange = 11
  /// The server has no such method.
  case unimplemented = 12
  /// The server broke one of its own rules; its log says more.
  case `internal` = 13
  /// The server cannot be reached or is going away; try again.
  case unavailable = 14
  /// Data is lost or damaged for good.
  case dataLoss = 15
  /// The caller is not known.
  case unauthenticated = 16

  /// Name in the specification, such as `DEADLINE_EXCEEDED`.
  public var name: String {
    switch self {
    case .ok: "OK"
    case .cancelled: "CANCELLED"
    case .unknown: "UNKNOWN"
    case .invalidArgument: "INVALID_ARGUMENT"
    case .deadlineExceeded: "DEADLINE_EXCEEDED"
    case .notFound: "NOT_FOUND"
    case .alreadyExists: "ALREADY_EXISTS"
    case .permissionDenied: "PERMISSION_DENIED"
    case .resourceExhausted: "RESOURCE_EXHAUSTED"
    case .failedPrecondition: "FAILED_PRECONDITION"
    case .aborted: "ABORTED"
    case .outOfRange: "OUT_OF_RANGE"
    case .unimplemented: "UNIMPLEMENTED"
    case .internal: "INTERNAL"
    case .unavailable: "UNAVAILABLE"
    case .dataLoss: "DATA_LOSS"
    case .unauthenticated: "UNAUTHENTICATED"
    }
  }
}
