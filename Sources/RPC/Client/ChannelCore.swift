import Logging
import Synchronization
import Transport

/// What a channel is doing, on its reactor's thread.
///
/// Sendable because it is touched there only: everybody comes through `reactor.execute`.
final class ChannelCore: @unchecked Sendable {
  /// Time for TCP and TLS to connect: short enough that a call with 5 s can still go to another server.
  private static let connectTimeout = Duration.seconds(3)

  private enum State {
    /// Connects at the next call.
    case idle
    case connecting
    case ready(ClientConnection)
    /// The last attempt failed: calls fail until `until`.
    case resting(until: ContinuousClock.Instant, RPCError)
    case closed
  }

  let reactor: Reactor
  private let address: SocketAddress
  private let expected: Role?
  private let serverName: String?
  let context: TLSContext
  private let logger: Logger
  private var state = State.idle
  /// What the channel is worth to a caller who can choose; read from any thread.
  private let published = Mutex(ServerStanding.untried)
  /// Calls that wait for the attempt under way.
  private var pending: [PendingCall] = []
  private var backoff = Backoff.connecting
  /// Connections that are not closed yet: the one in use and those that only finish their calls.
  private var connections: [ObjectIdentifier: ClientConnection] = [:]
  /// Whoever waits for the last of them to be closed.
  private var closers: [CheckedContinuation<Void, Never>] = []

  init(
    to address: SocketAddress, expecting: Role?, serverName: String?, context: TLSContext, logger: Logger,
    reactor: Reactor
  ) {
    self.address = address
    self.expected = expecting
    self.serverName = serverName
    self.context = context
    self.reactor = reactor
    var logger = logger
    logger[metadataKey: "server"] = "\(address)"
    self.logger = logger
  }

  /// What the channel is worth to a caller who can choose.
  var standing: ServerStanding { published.withLock { $0 } }

  /// Connects, unless it is too early for that.
  func wake() {
    switch state {
    case .idle: connect()
    case .resting(let until, _) where until <= .now: connect()
    case .connecting, .ready, .resting, .closed: break
    }
  }

  /// Makes a call as soon as there is a connection.
  func submit(_ pending: PendingCall) {
    let call = pending.call
    guard !call.hasEnded else { return }
    let now = ContinuousClock.now
    call.wire.value.timer = reactor.schedule(after: max(.zero, now.duration(to: call.deadline))) { call.expire() }
    switch state {
    case .ready(let connection): connection.start(pending)
    case .connecting: self.pending.append(pending)
    case .resting(let until, var error) where now < until:
      error.retryAfter = now.duration(to: until)
      call.fail(error)
    case .idle, .resting:
      self.pending.append(pending)
      connect()
    case .closed: call.fail(RPCError(.unavailable, "\(call.method): the channel is closed"))
    }
  }

  /// Ends everything.
  func close(_ done: CheckedContinuation<Void, Never>?) {
    let error = RPCError(.cancelled, "the channel was closed")
    state = .closed
    for pending in takePending() { pending.call.fail(error) }
    for connection in connections.values { connection.shutDown(error) }
    if let done { closers.append(done) }
    tellClosers()
  }

  // MARK: Connecting

  private func connect() {
    state = .connecting
    published.withLock { if case .down = $0 { $0 = .down(retryAt: .now + Self.connectTimeout) } }
    Transport.connect(
      to: address, serverName: serverName, context: context, on: reactor, timeout: Self.connectTimeout,
      accept: { self.accepted($0) }, failed: { self.failed("\($0)") })
  }

  private func accepted(_ connection: Connection) -> any ConnectionDelegate {
    let client = ClientConnection(connection, logger: logger) { [weak self] in self?.heard($1, from: $0) }
    connections[ObjectIdentifier(client)] = client
    let peer = connection.peer
    if let expected, peer.role != expected {
      failed("the server identifies as \(peer), where a server of the role \(expected.rawValue) is required")
      client.close(because: "wrong role")
      client.closeGently()
      return client
    }
    guard case .connecting = state else {
      client.shutDown(RPCError(.cancelled, "the channel was closed"))
      return client
    }
    state = .ready(client)
    published.withLock { $0 = .ready }
    client.pump()
    for pending in takePending() { client.start(pending) }
    return client
  }

  private func failed(_ reason: String) {
    let error = RPCError.unavailable("\(address): \(reason)", .notSent)
    logger.notice("cannot connect", metadata: ["error": "\(reason)"])
    guard case .connecting = state else { return }
    rest(error)
    for pending in takePending() { pending.call.fail(error) }
  }

  private func takePending() -> [PendingCall] {
    defer { pending = [] }
    return pending
  }

  private func rest(_ error: RPCError) {
    var random = SystemRandomNumberGenerator()
    let until = ContinuousClock.now + backoff.failed(using: &random)
    state = .resting(until: until, error)
    published.withLock { $0 = .down(retryAt: until) }
  }

  private func heard(_ news: ClientConnection.News, from client: ClientConnection) {
    switch news {
    case .answered: backoff.succeeded()
    case .goingAway(let reason):
      guard case .ready(let current) = state, current === client else { return }
      // A server that takes connections and loses them before it has answered a call is as good as down.
      guard client.hasAnswered || client.session.peerIsGoingAway else {
        return rest(.unavailable("\(address): \(reason)", .notSent))
      }
      state = .idle
      published.withLock { $0 = .down(retryAt: .now) }
    case .lost:
      connections[ObjectIdentifier(client)] = nil
      tellClosers()
    }
  }

  private func tellClosers() {
    guard connections.isEmpty else { return }
    for closer in closers { closer.resume() }
    closers = []
  }
}

extension Call {
  /// Ends a call that has no stream.
  func fail(_ error: RPCError) {
    end(error)
    detach()
  }

  /// The deadline has come, on the client's side.
  func expire() {
    guard !hasEnded else { return }
    end(RPCError(.deadlineExceeded, "\(method): no answer before the deadline"), discardingMessages: true)
    wire.value.host?.abandon(self)
  }
}
