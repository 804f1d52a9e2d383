import Transport

/// What a handler may know of a call besides its messages.
public struct CallContext: Sendable {
  /// Who calls, from the certificate.
  public let peer: PeerIdentity
  /// TLS server name that the caller asked for; nil = none.
  public let serverName: String?
  /// When the caller stops waiting.
  public let deadline: ContinuousClock.Instant
  /// Full name of the method.
  public let method: String
  /// How the wire names the method.
  public let methodID: UInt32
  /// Where the call stands in a trace; nil = it is not traced, or what came is no traceparent.
  public let trace: TraceContext?
  /// How often the caller tried this call before.
  public let attempt: UInt32
  /// The same for every attempt at one mutation; nil = the caller set none.
  public let idempotencyKey: String?

  /// A call of `method` with what came in its first frame.
  init(
    peer: PeerIdentity, serverName: String?, deadline: ContinuousClock.Instant, method: String, methodID: UInt32,
    metadata: CallMetadata
  ) {
    self.peer = peer
    self.serverName = serverName
    self.deadline = deadline
    self.method = method
    self.methodID = methodID
    trace = metadata.traceparent.isEmpty ? nil : TraceContext(parsing: metadata.traceparent)
    attempt = metadata.attempt
    idempotencyKey = metadata.idempotencyKey.isEmpty ? nil : metadata.idempotencyKey
  }

  /// Time that is left until the deadline; zero once it has passed.
  public var remaining: Duration { max(.zero, ContinuousClock.now.duration(to: deadline)) }

  /// Deadline of the call that the current task handles: calls made from its handler end no later.
  @TaskLocal static var inheritedDeadline: ContinuousClock.Instant?
}
