import Transport

/// What a handler may know of a call besides its messages.
public struct CallContext: Sendable {
  private let origin: Origin
  /// Who calls, from the certificate.
  public var peer: PeerIdentity { origin.caller.peer }
  /// TLS server name that the caller asked for; nil = none.
  public var serverName: String? { origin.caller.serverName }
  /// When the caller stops waiting.
  public let deadline: Moment
  /// Full name of the method.
  public var method: String { origin.method }
  /// How the wire names the method.
  public var methodID: UInt32 { origin.methodID }
  /// Nil where there is none of it: a context is copied often.
  private let extras: Extras?
  /// Where the call stands in a trace; nil = it is not traced, or what came is no traceparent.
  public var trace: TraceContext? { extras?.trace }
  /// How often the caller tried this call before.
  public var attempt: UInt32 { extras?.attempt ?? 0 }
  /// The same for every attempt at one mutation; nil = the caller set none.
  public var idempotencyKey: String? { extras?.idempotencyKey }

  /// What all calls of a method on one connection share.
  final class Origin: Sendable {
    let caller: Caller
    let method: String
    let methodID: UInt32

    init(_ caller: Caller, method: String, id: UInt32) {
      self.caller = caller
      self.method = method
      methodID = id
    }
  }

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

  /// A call with what came in its first frame; `metadata`: nil = there was none.
  init(_ origin: Origin, deadline: Moment, metadata: CallMetadata?) {
    self.origin = origin
    self.deadline = deadline
    extras = metadata.map { Extras($0) }
  }

  /// Time that is left until the deadline; zero once it has passed.
  public var remaining: Duration { max(.zero, Moment.now.duration(to: deadline)) }

  /// Throws PERMISSION_DENIED where the caller's certificate, or the server name that the caller asked for, is one
  /// tenant's, and the tenant asked for (UTF-8 of its id) is another.
  @inline(__always)
  public func authorise(tenant: UnsafeRawBufferPointer) throws(RPCError) { try origin.caller.authorise(tenant: tenant) }

  /// The same for an id that is text already.
  public func authorise(tenant: String) throws(RPCError) {
    var tenant = tenant
    let outcome = tenant.withUTF8 { bytes in
      Result { () throws(RPCError) in try origin.caller.authorise(tenant: UnsafeRawBufferPointer(bytes)) }
    }
    try outcome.get()
  }

  /// Deadline of the call that the current task handles: calls made from its handler end no later.
  @TaskLocal static var inheritedDeadline: ContinuousClock.Instant?
}
