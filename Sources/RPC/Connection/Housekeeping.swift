/// What the passing of time asks of a connection: a value that is told of ticks and of bytes, and has no clock.
struct Housekeeping {
  /// What is to be done now.
  enum Order: Equatable {
    case nothing
    /// Ask the peer for a sign of life.
    case ping
    /// The peer has given none.
    case silent
    /// The frame that has begun does not come whole.
    case stuckFrame
    /// There were no calls for too long.
    case idle
    /// The connection has become too old.
    case aged
  }

  private let keepaliveInterval: Int
  private let keepaliveTimeout: Int
  private let frameTimeout: Int
  private let idleTimeout: Int?
  private let age: Int?

  /// Ticks so far.
  private(set) var now = 0
  private var heardAt = 0
  private var busyAt = 0
  private var pingedAt: Int?
  private var partSince: Int?
  private var isLeaving = false

  /// All in ticks; nil = never.
  init(_ liveness: Liveness, idleTimeout: Int? = nil, age: Int? = nil) {
    keepaliveInterval = liveness.ticks(liveness.keepaliveInterval)
    keepaliveTimeout = liveness.ticks(liveness.keepaliveTimeout)
    frameTimeout = liveness.ticks(liveness.frameTimeout)
    self.idleTimeout = idleTimeout
    self.age = age
  }

  /// Bytes have come. `hasWholeFrame`: a frame ended with them; `leavesPart`: one began and did not end.
  @inline(__always)
  mutating func heard(hasWholeFrame: Bool, leavesPart: Bool) {
    heardAt = now
    pingedAt = nil
    if !leavesPart {
      partSince = nil
    } else if hasWholeFrame || partSince == nil {
      partSince = now
    }
  }

  /// The last tick and the present one have passed without a byte from the peer.
  var isQuiet: Bool { now == heardAt + 1 }

  /// A tick has passed. `isBusy`: calls are in flight, or handlers are still running.
  mutating func tick(isBusy: Bool) -> Order {
    now += 1
    if isBusy { busyAt = now }
    if let partSince, now - partSince > frameTimeout { return .stuckFrame }
    if let pingedAt, now - pingedAt >= keepaliveTimeout { return .silent }
    if !isLeaving {
      if let age, now >= age { return leave(.aged) }
      if let idleTimeout, now - busyAt >= idleTimeout { return leave(.idle) }
    }
    guard isBusy, pingedAt == nil, now - heardAt >= keepaliveInterval else { return .nothing }
    pingedAt = now
    return .ping
  }

  private mutating func leave(_ order: Order) -> Order {
    isLeaving = true
    return order
  }
}
