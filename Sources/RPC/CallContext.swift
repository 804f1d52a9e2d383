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

  /// Time that is left until the deadline; zero once it has passed.
  public var remaining: Duration { max(.zero, ContinuousClock.now.duration(to: deadline)) }

  /// Deadline of the call that the current task handles: calls made from its handler end no later.
  @TaskLocal static var inheritedDeadline: ContinuousClock.Instant?
}
