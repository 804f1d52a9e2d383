import Messages
import Transport

/// A method as its server knows it: the row of its table without the message types, and the handler.
final class Route: Sendable {
  let method: AnyMethod
  let handler: Handler
  /// As in the method.
  let callers: RoleSet
  /// The handler has no end of its own: its calls end when their connection is to go.
  let isEndless: Bool

  /// What answers the requests that are not for the reactor, where the handler runs there.
  let heavy: Route?
  /// The handler, where it runs on the reactor's thread.
  let reactorHandler: (any ReactorHandler)?
  /// As in the method.
  let maximumRequestBytes: Int
  /// As in the method.
  let maximumMessagesPerSecond: Int?
  /// The method's timeout, ns.
  let timeoutNanoseconds: Int64

  /// Whether the handler runs on the reactor's thread.
  var isOnReactor: Bool { reactorHandler != nil }

  /// The threads that the handler may block; nil where it may block none.
  var pool: BlockingPool? { if case .task(.blocking(let pool), _) = handler { pool } else { nil } }

  /// What answers a call.
  enum Handler: Sendable {
    /// At once, on the reactor's thread.
    case reactor(any ReactorHandler)
    /// In a task of its own; returns the last response where the handler does not send its responses itself.
    case task(HandlerPlace, @Sendable (Call, CallContext) async throws -> [UInt8]?)
  }

  init<Q, R>(_ method: Method<Q, R>, isEndless: Bool = false, heavy: Route? = nil, _ handler: Handler) {
    self.method = AnyMethod(method)
    self.isEndless = isEndless
    self.heavy = heavy
    callers = RoleSet(method.callers)
    maximumRequestBytes = method.maximumRequestBytes
    maximumMessagesPerSecond = method.maximumMessagesPerSecond
    timeoutNanoseconds = method.timeout.nanoseconds
    reactorHandler = if case .reactor(let handler) = handler { handler } else { nil }
    self.handler = handler
  }
}

/// Roles as bits, which are looked up faster than in a `Set`.
struct RoleSet: OptionSet, Sendable {
  let rawValue: Int

  init(rawValue: Int) { self.rawValue = rawValue }

  init(_ role: Role) {
    self.init(rawValue: 1 << role.bit)
  }

  init(_ roles: Set<Role>) {
    self.init(roles.map { RoleSet($0) })
  }
}

extension Role {
  fileprivate var bit: Int {
    switch self {
    case .platform: 0
    case .tenant: 1
    case .trainer: 2
    case .ranker: 3
    case .ingest: 4
    case .control: 5
    case .admin: 6
    }
  }
}
