import Logging
import Messages
import Synchronization
import Transport

/// A client of one service that runs on several servers: one connection to each, a server picked for each call, and calls
/// made again where that is safe.
///
/// - **Which server.** With `CallOptions.key`, such as the tenant, all clients pick the same server by rendezvous hashing
///   (`Rendezvous`); without, the one with the fewest calls of this client under way. A server whose connection broke, or
///   that says that it is not serving (`nightjar.v1.Health`) or answers UNAVAILABLE, is passed over for a while if another
///   is to be had; connections are made again aside from the calls.
/// - **Retries.** As gRFC A6 has it: a call that no handler can have seen is made again whatever it does; one that may
///   have been processed only where its method is idempotent or carries an idempotency key, and its code is UNAVAILABLE,
///   or RESOURCE_EXHAUSTED or ABORTED with a time to try again. At most 5 attempts, never past the deadline, with
///   exponential backoff and jitter unless the server names the time; none to a server of which too many calls fail.
/// - **Idempotency keys.** A method that needs one gets a random key that is the same over all attempts.
public final class ServiceClient: Sendable {
  private let context: TLSContext
  let servers: [ServerLink]
  private let isClosed = Atomic(false)
  /// The followers of the servers' health, once there was a call.
  private let followers = Mutex<[Task<Void, Never>]>([])

  /// A client of the servers at `addresses`, which must be of the role `expecting`; nil = of any. Connects at the first
  /// call.
  ///
  /// `serverName` is what to ask for and to find in the certificates besides the role; nil = the role is enough.
  /// `reactor` is the thread that does the I/O; nil = one that all clients of the process share. Throws when the
  /// certificates cannot be used.
  public init(
    to addresses: [SocketAddress], expecting: Role?, serverName: String?, certificates: CertificateFiles,
    logger: Logger, reactor: Reactor? = nil
  ) throws {
    precondition(!addresses.isEmpty, "a client needs a server")
    let reactor = try reactor ?? SharedReactor.get()
    let context = try TLSContext(client: certificates)
    self.context = context
    servers = addresses.map { address in
      let core = ChannelCore(
        to: address, expecting: expecting, serverName: serverName, context: context, logger: logger, reactor: reactor)
      return ServerLink(Channel(core), address: "\(address)")
    }
  }

  deinit { stopFollowing() }

  /// Connects with these certificates from now on; connections that stand go on. Throws, and goes on with those it has,
  /// when they are damaged.
  public func reload(_ certificates: CertificateFiles) throws(TransportError) {
    try context.reload(certificates)
  }

  /// Calls a unary method and waits for the response; retries are within the one deadline.
  ///
  /// `timeout` replaces the method's; inside a handler, and tasks that inherit its task-local values, the call ends no
  /// later than the handler's own deadline. Throws `RPCError`, that of the last attempt, or whatever `build` throws.
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
    if let hedging = options.hedging { return try await hedge(method, hedging, timeout, options, request) }
    return try await repeating(method, timeout, options) { (server, deadline, metadata) async throws(RPCError) in
      try await server.call(method, by: deadline, metadata, request)
    }
  }

  /// Starts a streaming call of any kind. For a method with a single request, send it and `finish`.
  ///
  /// Only the start is repeated: once the call has its stream, it ends when its connection does. Throws when it cannot be
  /// started.
  public func stream<Q, R>(
    _ method: Method<Q, R>, timeout: Duration? = nil, options: CallOptions = CallOptions()
  ) async throws(RPCError) -> ClientCall<Q, R> {
    try await repeating(method, timeout, options) { (server, deadline, metadata) async throws(RPCError) in
      try await server.channel.stream(method, by: deadline, metadata, load: ServerLoad(on: server))
    }
  }

  /// Ends the calls in flight with CANCELLED and closes the connections; later calls fail with UNAVAILABLE.
  public func close() async {
    isClosed.store(true, ordering: .relaxed)
    stopFollowing()
    for server in servers { await server.channel.close() }
  }
}

// MARK: Attempts

extension ServiceClient {
  /// Makes attempts until one succeeds, or until there is no sense in another.
  private func repeating<Q, R, T: Sendable>(
    _ method: Method<Q, R>, _ timeout: Duration?, _ options: CallOptions,
    _ attempt: (ServerLink, ContinuousClock.Instant, CallMetadata) async throws(RPCError) -> T
  ) async throws(RPCError) -> T {
    let deadline = method.deadline(timeout: timeout, now: .now)
    var metadata = CallMetadata(options)
    var random = SystemRandomNumberGenerator()
    if method.idempotency == .keyed, metadata.idempotencyKey.isEmpty {
      metadata.idempotencyKey = IdempotencyKey.random(using: &random)
    }
    var retries = Retries(method.idempotency, until: deadline)
    var tried: Set<Int> = []
    while true {
      let place = pick(options.key, tried)
      metadata.attempt = retries.attempt
      do throws(RPCError) {
        let result = try await attempt(servers[place], deadline, metadata)
        servers[place].throttle.withLock { $0.succeeded() }
        return result
      } catch {
        tried.insert(place)
        try await pause(after: error, from: place, &retries, tried, method.name)
      }
    }
  }

  /// Waits until the next attempt is due; throws the error when there is to be none.
  private func pause(
    after error: RPCError, from place: Int, _ retries: inout Retries, _ tried: Set<Int>, _ method: String
  ) async throws(RPCError) {
    guard !isClosed.load(ordering: .relaxed), !Task.isCancelled else { throw error }
    var random = SystemRandomNumberGenerator()
    let others = usableServers(besides: tried)
    let isWelcomeElsewhere = isWelcome(at: others)
    let next = servers[place].throttle.withLock {
      retries.next(
        after: error, hasOtherServer: !others.isEmpty, isWelcomeElsewhere: isWelcomeElsewhere, throttle: &$0, now: .now,
        random: &random)
    }
    guard case .again(let delay) = next else { throw error }
    guard delay > .zero else { return }
    do {
      try await Task.sleep(for: delay)
    } catch {
      throw RPCError(.cancelled, "\(method): given up by this side between two attempts")
    }
  }

  /// The server that a call goes to. Those that are passed over are connected again where it is time for it.
  func pick(_ key: String?, _ tried: Set<Int>) -> Int {
    guard servers.count > 1 else { return 0 }
    followHealth()
    let now = ContinuousClock.now
    let candidates = servers.indices.map { servers[$0].candidate(for: key, wasTried: tried.contains($0), now: now) }
    guard let best = ServerCandidate.best(of: candidates, startingAt: .random(in: candidates.indices)) else {
      preconditionFailure("a client without servers")
    }
    for (server, candidate) in zip(servers, candidates) where candidate.isDue(at: now) { server.channel.wake() }
    return best
  }

  /// With several servers to choose from, their health is followed from the first call on.
  private func followHealth() {
    followers.withLock { followers in
      guard followers.isEmpty, !isClosed.load(ordering: .relaxed) else { return }
      // Detached: the first call may be made in a handler, whose deadline and trace are not theirs.
      followers = servers.map { server in Task.detached { await server.followHealth() } }
    }
  }

  private func stopFollowing() {
    for follower in followers.withLock({ $0 }) { follower.cancel() }
  }

  func usableServers(besides tried: Set<Int>) -> [Int] {
    servers.indices.filter {
      !tried.contains($0) && servers[$0].candidate(for: nil, wasTried: false, now: .now).isUsable
    }
  }

  /// Whether one of the servers may be asked although another has failed.
  func isWelcome(at places: [Int]) -> Bool {
    places.contains { place in servers[place].throttle.withLock { $0.permits } }
  }
}
