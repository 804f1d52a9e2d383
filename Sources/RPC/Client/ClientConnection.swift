import Logging
import Transport

/// A client's connection: opens streams for calls and brings back what the server sends on them.
final class ClientConnection: SessionConnection, @unchecked Sendable {
  /// What a channel wants to know of its connection.
  enum News {
    /// The server has answered a call, for the first time.
    case answered
    /// No more calls can be made.
    case goingAway(String)
    /// The connection is gone.
    case lost(String)
  }

  /// A server that is gone without a word is found after 15 s, lest calls go on being lost on it; its limit of pings is
  /// far above.
  private static let liveness = {
    var liveness = Liveness.standard
    liveness.keepaliveInterval = .seconds(10)
    liveness.keepaliveTimeout = .seconds(5)
    return liveness
  }()

  private let news: (ClientConnection, News) -> Void
  /// Calls over the limit of calls in flight.
  private var waiting = Queue<PendingCall>()
  /// Why no more calls can be made.
  private var goingAway: String?
  /// Whether a call got an answer here, good or bad.
  private(set) var hasAnswered = false

  init(_ connection: Connection, logger: Logger, news: @escaping (ClientConnection, News) -> Void) {
    self.news = news
    super.init(connection, side: .client, liveness: Self.liveness, logger: logger)
  }

  /// Makes a call, at once or when another has ended.
  func start(_ pending: PendingCall) {
    if let goingAway {
      pending.call.fail(.unavailable("\(pending.call.method): not sent: \(goingAway)", .notSent))
    } else if session.streams.count < session.peerMaximumStreams {
      open(pending)
      pump()
    } else {
      waiting.append(pending)
    }
  }

  private func open(_ pending: PendingCall) {
    let call = pending.call
    guard !call.hasEnded else { return call.detach() }
    call.wire.value.rate = pending.maximumMessagesPerSecond.map { (pending.method, $0) }
    if pending.request != nil, var error = overRate(call) {
      error.reach = .notSent
      return call.fail(error)
    }
    let left = ContinuousClock.now.duration(to: call.deadline)
    let opening = CallOpening(
      method: pending.method, timeoutMilliseconds: left.wireMilliseconds, metadata: pending.metadata)
    let stream = session.open(
      call, opening, message: pending.request, last: pending.request != nil,
      maximumMessageBytes: pending.maximumResponseBytes)
    guard let stream else {
      call.fail(.unavailable("\(call.method): the connection has no stream left; try again", .notSent))
      return leave("the connection has no stream left")
    }
    call.wire.value.host = self
    call.wire.value.stream = stream
    call.opened()
  }

  override func send(_ call: Call, _ message: [UInt8], last: Bool) {
    guard let error = overRate(call) else { return super.send(call, message, last: last) }
    session.cancel(call.wire.value.stream)
    finish(call, error)
    pump()
  }

  /// Counts one more request of the call's method; the error where the server would refuse it.
  private func overRate(_ call: Call) -> RPCError? {
    guard let (method, most) = call.wire.value.rate else { return nil }
    return rates.take(method, most: most, method: call.method)
  }

  // MARK: Events

  override func handle(_ event: SessionEvent<Call>, _ header: FrameHeader, _ payload: UnsafeRawBufferPointer)
    throws(ProtocolError)
  {
    switch event {
    case .message(let call, let message, let cost, let last):
      call.deliver(message, cost: cost)
      if last { finish(call, nil) }
    case .ended(let call): finish(call, StatusCoding.decode(header.body(of: payload)))
    case .refused(let stream, let call, let error):
      session.cancel(stream)
      finish(call, error)
    case .goAway(let reason, let notProcessed):
      // First, lest those that wait take the streams that become free.
      leave(reason)
      for call in notProcessed {
        call.end(.unavailable("\(call.method): not processed: \(reason); try again", .dropped))
        call.detach()
      }
      streamEnded()
    case .none, .call, .halfClosed, .cancelled: break
    }
    if header.type == .message || header.type == .end, !hasAnswered {
      hasAnswered = true
      news(self, .answered)
    }
  }

  private func finish(_ call: Call, _ error: RPCError?) {
    call.end(error)
    forget(call)
  }

  override func abandon(_ call: Call) {
    guard !isClosed else { return }
    session.cancel(call.wire.value.stream)
    forget(call)
    pump()
  }

  override func streamEnded() {
    while goingAway == nil, session.streams.count < session.peerMaximumStreams, let next = waiting.popFirst() {
      open(next)
    }
    if goingAway != nil, session.streams.isEmpty, !isClosed { closeGently() }
  }

  /// Makes no more calls, and closes when those in flight have ended.
  func leave(_ reason: String) {
    guard goingAway == nil else { return }
    goingAway = reason
    while let pending = waiting.popFirst() {
      pending.call.fail(.unavailable("\(pending.call.method): not sent: \(reason); try again", .notSent))
    }
    news(self, .goingAway(reason))
    streamEnded()
  }

  /// Ends the calls in flight and closes.
  func shutDown(_ error: RPCError) {
    while let pending = waiting.popFirst() { pending.call.fail(error) }
    for (stream, call) in session.streams.mapValues(\.call) {
      session.cancel(stream)
      finish(call, error)
    }
    pump()
    leave(error.message)
  }

  override func lost(_ calls: [Call], because reason: String) {
    for call in calls { call.end(.unavailable("\(call.method): connection lost: \(reason)", reach(of: call))) }
    leave(reason)
    news(self, .lost(reason))
  }

  /// How far a call got on a connection that is gone. A server says HELLO before it takes a call: one that ended the
  /// connection without it has taken none.
  private func reach(of call: Call) -> RPCError.Reach {
    if call.wire.value.stream > session.lastOpened { return .notSent }
    return hasPeerEnded && !session.helloReceived ? .dropped : .unknown
  }
}
