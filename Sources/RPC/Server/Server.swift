import Logging
import Transport

/// Listens on an address and answers calls from a router's handlers.
public final class Server: Sendable {
  /// Time for the last frames to reach the clients once the grace is over.
  private static let flushTime = Duration.seconds(1)
  private static let handshakePoll = Duration.milliseconds(5)

  private let context: TLSContext
  private let listener: Listener
  private let reactors: [Reactor]
  private let registry: ServerRegistry
  private let pools: [BlockingPool]

  /// Opens the port and serves until `shutdown`. `role` is the server's own: its certificate must hold it, or no client
  /// will talk to it, and the router may have no other role's methods. `interceptors` see every call, in that order. Spans
  /// go to the tracer that swift-distributed-tracing names now. `tenantDomain`: under it each tenant has a server name of
  /// its own, `acme.ranker.example` under `ranker.example`, which binds a connection to that tenant; empty = none has.
  public init(
    role: Role, address: SocketAddress, certificates: CertificateFiles, router: Router, reactors count: Int,
    limits: ServerLimits = .standard, interceptors: [any ServerInterceptor] = [], tenantDomain: String = "",
    logger: Logger
  ) throws {
    precondition(count > 0, "a server needs a reactor")
    let routes = router.routes
    for route in routes.values {
      precondition(
        route.method.server ?? role == role,
        "\(route.method.name) is not answered by servers of the role \(role.rawValue)")
    }
    context = try TLSContext(server: certificates)
    reactors = try (0..<count).map { try Reactor(name: "rpc-\($0)") }
    let longestRequest = routes.values.filter(\.isOnReactor).map(\.method.maximumRequestBytes).max() ?? 0
    let scratch = Dictionary(
      uniqueKeysWithValues: reactors.map {
        (ObjectIdentifier($0), ReactorScratch(maximumRequestBytes: longestRequest))
      })
    let shared = ServerShared(
      routes: routes, interceptors: Interceptors(interceptors), limits: limits, tenantDomain: tenantDomain,
      logger: logger)
    registry = shared.registry
    let pools = routes.values.compactMap(\.pool)
    self.pools = Array(Dictionary(pools.map { (ObjectIdentifier($0), $0) }) { first, _ in first }.values)
    let accept = { @Sendable (connection: Connection) -> any ConnectionDelegate in
      guard let scratch = scratch[ObjectIdentifier(connection.reactor)] else {
        preconditionFailure("a connection on a reactor that is not the server's")
      }
      let delegate = ServerConnection(connection, shared, scratch: scratch)
      delegate.pump()
      if let reason = shared.registry.add(delegate) { delegate.drain(reason) }
      return delegate
    }
    let refusals = LimitedLog<String>(logger)
    listener = try Listener(
      address: address, context: context, reactors: reactors, limits: limits.listener,
      refused: { error, from in
        refusals.log(
          .info, "connection refused", of: from.host, ["error": "\(error)", "from": "\(from)"])
      }, accept: accept)
  }

  /// The port listened on, also where the address left the choice to the system.
  public var port: UInt16 { listener.port }

  /// What the server is doing. May be read from any thread.
  public var figures: ServerFigures {
    ServerFigures(
      listener: listener.figures, runningHandlers: registry.runningHandlers.load(ordering: .relaxed),
      blockingCalls: pools.reduce(0) { $0 + $1.calls }, unsentBytes: reactors.reduce(0) { $0 + $1.unsentBytes })
  }

  /// Shakes hands with these certificates from now on; connections that stand go on. Throws, and goes on with those it
  /// has, when they are damaged.
  public func reload(_ certificates: CertificateFiles) throws(TransportError) {
    try context.reload(certificates)
  }

  /// Runs `job` once on each reactor, between calls: once it has run on all of them, no synchronous handler that had begun
  /// before is still running. After `shutdown` the job may be dropped instead.
  public func onEveryReactor(_ job: @escaping @Sendable () -> Void) {
    for reactor in reactors { reactor.execute(job) }
  }

  /// Stops accepting, lets calls in flight end for at most `grace`, ends the rest with UNAVAILABLE, closes.
  ///
  /// Handlers that are still running then are cancelled but not waited for. To be called once.
  public func shutdown(grace: Duration) async {
    listener.close()
    let reason = "the server is shutting down"
    for connection in registry.close(reason) { connection.reactor.execute { connection.drain(reason) } }
    await registry.waitUntilEmpty(atMost: grace, on: reactors[0])
    for connection in registry.close(reason) { connection.reactor.execute { connection.terminate(reason) } }
    await waitForHandshakes()
    await registry.waitUntilEmpty(atMost: Self.flushTime, on: reactors[0])
    for reactor in reactors { reactor.stop() }
  }

  /// Clients whose handshake is under way may have sent calls already. They are to be told that these were not processed,
  /// which a reset would not.
  private func waitForHandshakes() async {
    let end = ContinuousClock.now + Self.flushTime
    while listener.figures.handshakesUnderWay > 0, .now < end { try? await Task.sleep(for: Self.handshakePoll) }
    for reactor in reactors {
      await withCheckedContinuation { reached in
        if !reactor.execute({ reached.resume() }) { reached.resume() }
      }
    }
  }
}
