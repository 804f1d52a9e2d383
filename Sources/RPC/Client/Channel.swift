import Logging
import Messages
import Transport

/// One multiplexed connection to a peer, made when first needed and made again when lost.
///
/// While the peer is down, calls fail with UNAVAILABLE, and now and then one of them tries to connect again; a call that
/// finds an attempt under way waits for it.
public final class Channel: Sendable {
  private let core: ChannelCore
  private var reactor: Reactor { core.reactor }

  /// A channel to `address` that talks to nobody but a server of the role `expecting`; nil = of any role. Connects at
  /// the first call.
  ///
  /// `serverName` is what to ask for and to find in the certificate besides the role; nil = the role is enough. `reactor`
  /// is the thread that does the I/O; nil = one that all channels of the process share. Throws when the certificates
  /// cannot be used.
  public init(
    to address: SocketAddress, expecting: Role?, serverName: String?, certificates: CertificateFiles, logger: Logger,
    reactor: Reactor? = nil
  ) throws {
    let reactor = try reactor ?? SharedReactor.get()
    let context = try TLSContext(client: certificates)
    core = ChannelCore(
      to: address, expecting: expecting, serverName: serverName, context: context, logger: logger, reactor: reactor)
  }

  /// A channel around what it is to do.
  init(_ core: ChannelCore) { self.core = core }

  deinit {
    let core = core
    reactor.execute { core.close(nil) }
  }

  /// Connects with these certificates from now on; a connection that stands goes on. Throws, and goes on with those it has,
  /// when they are damaged.
  public func reload(_ certificates: CertificateFiles) throws(TransportError) {
    try core.context.reload(certificates)
  }

  /// Calls a unary method and waits for the response.
  ///
  /// `timeout` replaces the method's; inside a handler, and tasks that inherit its task-local values, the call ends no
  /// later than the handler's own deadline. A call that the server dropped unread, because it was going away, is made once
  /// more. Throws `RPCError`, or whatever `build` throws.
  public func call<Q, R, E: Error>(
    _ method: Method<Q, R>, timeout: Duration? = nil, options: CallOptions = CallOptions(),
    _ build: (Draft<Q>) throws(E) -> Void
  ) async throws -> View<R> {
    try await call(method, timeout: timeout, options: options, Encoded(build))
  }

  /// Calls a unary method with a request that is encoded already.
  public func call<Q, R>(
    _ method: Method<Q, R>, timeout: Duration? = nil, options: CallOptions = CallOptions(), _ request: Encoded<Q>
  ) async throws(RPCError) -> View<R> {
    let deadline = method.deadline(timeout: timeout, now: .now)
    let metadata = CallMetadata(options)
    do throws(RPCError) {
      return try await call(method, by: deadline, metadata, request)
    } catch {
      guard error.reach == .dropped else { throw error }
      return try await call(method, by: deadline, metadata, request)
    }
  }

  /// Starts a streaming call of any kind. For a method with a single request, send it and `finish`.
  ///
  /// Throws when the call cannot be started: UNAVAILABLE where there is no connection.
  public func stream<Q, R>(
    _ method: Method<Q, R>, timeout: Duration? = nil, options: CallOptions = CallOptions()
  ) async throws(RPCError) -> ClientCall<Q, R> {
    try await stream(method, by: method.deadline(timeout: timeout, now: .now), CallMetadata(options))
  }

  /// Ends the calls in flight with CANCELLED and closes the connection; later calls fail with UNAVAILABLE.
  public func close() async {
    await withCheckedContinuation { done in
      reactor.execute { self.core.close(done) }
    }
  }

  /// What the channel is worth to a caller who can choose among several.
  var standing: ServerStanding { core.standing }

  /// Connects without a call to make.
  func wake() { reactor.execute { self.core.wake() } }

  // MARK: One attempt

  /// Calls a unary method once.
  func call<Q, R>(
    _ method: Method<Q, R>, by deadline: ContinuousClock.Instant, _ metadata: CallMetadata, _ request: Encoded<Q>
  ) async throws(RPCError) -> View<R> {
    precondition(method.kind == .unary, "\(method.name) is not unary")
    guard request.bytes.count <= method.maximumRequestBytes else {
      throw RPCError(
        .resourceExhausted,
        "\(method.name): a request of \(request.bytes.count) bytes, over the method's limit of \(method.maximumRequestBytes)"
      )
    }
    let handle = CallHandle(try submit(method, deadline, metadata, request: request.bytes))
    let responses = IncomingMessages<R>(of: handle.call, from: .server, handle: handle)
    guard let response = try await responses.first() else {
      throw RPCError(.internal, "\(method.name): the server sent no response")
    }
    guard try await responses.first() == nil else {
      throw RPCError(.internal, "\(method.name): the server sent a second response")
    }
    return response
  }

  /// Starts a streaming call once. `load` lives as long as the call is held.
  func stream<Q, R>(
    _ method: Method<Q, R>, by deadline: ContinuousClock.Instant, _ metadata: CallMetadata, load: ServerLoad? = nil
  ) async throws(RPCError) -> ClientCall<Q, R> {
    precondition(method.kind != .unary, "\(method.name) is unary")
    let handle = CallHandle(try submit(method, deadline, metadata, request: nil), load: load)
    try await handle.call.waitForStream()
    return ClientCall(handle, of: method)
  }

  private func submit<Q, R>(
    _ method: Method<Q, R>, _ deadline: ContinuousClock.Instant, _ metadata: CallMetadata, request: [UInt8]?
  ) throws(RPCError) -> Call {
    guard deadline > .now else {
      throw RPCError(.deadlineExceeded, "\(method.name): not called, the deadline has passed")
    }
    let call = Call(method: method.name, deadline: deadline, reactor: reactor, side: .client)
    let pending = PendingCall(
      call: call, method: method.id, maximumResponseBytes: method.maximumResponseBytes,
      maximumMessagesPerSecond: method.maximumMessagesPerSecond, metadata: try metadata.encoded(for: method.name),
      request: request)
    reactor.execute { self.core.submit(pending) }
    return call
  }
}

extension Method {
  /// When a call that begins now must have ended: after the caller's timeout, or else the method's, and no later than
  /// the call from whose handler it is made.
  func deadline(timeout: Duration?, now: ContinuousClock.Instant) -> ContinuousClock.Instant {
    let own = now + min(timeout ?? self.timeout, Limits.maximumTimeout)
    return CallContext.inheritedDeadline.map { min(own, $0) } ?? own
  }
}

/// The reactor that the channels of a process share: one thread, started when first needed.
enum SharedReactor {
  private static let reactor = Result { try Reactor(name: "rpc-client") }

  static func get() throws -> Reactor { try reactor.get() }
}
