import Transport

/// What a handler may know of a call besides its messages.
public struct CallContext: Sendable {
  private let caller: Caller
  /// Who calls, from the certificate.
  public var peer: PeerIdentity { caller.peer }
  /// TLS server name that the caller asked for; nil = none.
  public var serverName: String? { caller.serverName }
  /// When the caller stops waiting.
  public let deadline: ContinuousClock.Instant
  /// Full name of the method.
  public let method: String
  /// How the wire names the method.
  public let methodID: UInt32
  /// Nil where there is none of it: a context is copied often.
  private let extras: Extras?
  /// Where the call stands in a trace; nil = it is not traced, or what came is no traceparent.
  public var trace: TraceContext? { extras?.trace }
  /// How often the caller tried this call before.
  public var attempt: UInt32 { extras?.attempt ?? 0 }
  /// The same for every attempt at one mutation; nil = the caller set none.
  public var idempotencyKey: String? { extras?.idempotencyKey }

  /// What few calls say of themselves.
  private final class Extras: Sendable {
    let trace: TraceContext?
    let attempt: UInt32
    let idempotencyKey: String?

    init(_ metadata: CallMetadata) {
      trace = metadata.traceparent.isEmpty ? nil : TraceContext(parsing: metadata.traceparent)
      attempt = metadata.attempt
      idempotencyKey = metadata.idempotencyKey.isEmpty ? nil : metadata.idempotencyKey
    }
  }

  /// A call of `method` with what came in its first frame; `metadata`: nil = there was none.
  init(
    caller: Caller, deadline: ContinuousClock.Instant, method: String, methodID: UInt32, metadata: CallMetadata?
  ) {
    self.caller = caller
    self.deadline = deadline
    self.method = method
    self.methodID = methodID
    extras = metadata.map { Extras($0) }
  }

  /// Time that is left until the deadline; zero once it has passed.
  public var remaining: Duration { max(.zero, ContinuousClock.now.duration(to: deadline)) }

  /// Throws PERMISSION_DENIED where the caller's certificate, or the server name that the caller asked for, is one
  /// tenant's, and the tenant asked for (UTF-8 of its id) is another.
  @inline(__always)
  public func authorise(tenant: UnsafeRawBufferPointer) throws(RPCError) { try caller.authorise(tenant: tenant) }

  /// The same for an id that is text already.
  public func authorise(tenant: String) throws(RPCError) {
    var tenant = tenant
    let outcome = tenant.withUTF8 { bytes in
      Result { () throws(RPCError) in try caller.authorise(tenant: UnsafeRawBufferPointer(bytes)) }
    }
    try outcome.get()
  }

  /// Deadline of the call that the current task handles: calls made from its handler end no later.
  @TaskLocal static var inheritedDeadline: ContinuousClock.Instant?
}
