import Logging
import Transport

/// Moves bytes between a connection and its session; what the events mean is its subclasses' matter.
///
/// Sendable because it is touched on its reactor's thread only: the transport calls its delegate there, and everybody
/// else comes through `reactor.execute`.
class SessionConnection: ConnectionDelegate, CallHost, @unchecked Sendable {
  /// Time for a peer to read the last frames before its connection is closed.
  private static let lingerTime = Duration.seconds(5)

  let connection: Connection
  let reactor: Reactor
  let logger: Logger
  /// On one thread, and never handed out while it changes: nothing is left for exclusivity checks to find.
  @exclusivity(unchecked) final var session: Session<Call>
  /// Of the messages that the client sends, which both sides count.
  @exclusivity(unchecked) final var rates = MessageRates()
  final private(set) var isClosed = false
  /// When the bytes that are being taken came.
  @exclusivity(unchecked) final private(set) var arrival = Moment.now
  /// The peer's end of the stream has come, behind everything that it sent.
  final private(set) var hasPeerEnded = false
  private let tick: Duration
  private var housekeeping: Housekeeping
  private var ticker: Timer?
  /// Part of a second that the ticks since the last refill of allowances make up.
  private var sinceRefill = Duration.zero

  /// `idleTimeout`, `age`: after them `retire` is called; nil = never.
  init(
    _ connection: Connection, side: Session<Call>.Side, liveness: Liveness, idleTimeout: Duration? = nil,
    age: Duration? = nil, logger: Logger
  ) {
    self.connection = connection
    self.reactor = connection.reactor
    self.session = Session(side: side)
    tick = liveness.tick
    housekeeping = Housekeeping(
      liveness, idleTimeout: idleTimeout.map(liveness.ticks), age: age.map(liveness.ticks))
    var logger = logger
    logger[metadataKey: "peer"] = "\(connection.peer)"
    self.logger = logger
    keepTime(after: tick * Double.random(in: 0...1))
  }

  // MARK: For subclasses

  /// Acts on what a frame means. `payload` is everything after its header, valid until this returns.
  func handle(_ event: SessionEvent<Call>, _ header: FrameHeader, _ payload: UnsafeRawBufferPointer)
    throws(ProtocolError)
  {
  }

  /// Whether anybody waits for the connection.
  var isBusy: Bool { !session.streams.isEmpty }

  /// The connection has been without calls for too long, or become too old.
  func retire(_ reason: String) {}

  /// The connection is gone; `calls` were in flight.
  func lost(_ calls: [Call], because error: String) {}

  /// The task of a call no longer wants it.
  func abandon(_ call: Call) {}

  /// A stream has ended; a connection that was only waiting for it may close.
  func streamEnded() {}

  /// Parts a call from its stream.
  final func forget(_ call: Call) {
    call.detach()
    streamEnded()
  }

  // MARK: CallHost

  func send(_ call: Call, _ message: [UInt8], last: Bool) {
    call.wire.value.sentBytes += message.count
    session.send(call.wire.value.stream, message, last: last)
    pump()
  }

  final func finishSending(_ call: Call) {
    session.end(call.wire.value.stream, StatusCoding.ok)
    pump()
  }

  final func release(_ call: Call, _ bytes: Int) {
    session.release(call.wire.value.stream, bytes)
    pump()
  }

  // MARK: ConnectionDelegate

  final func received(_ bytes: UnsafeRawBufferPointer, on _: Connection) -> Int {
    var frames = FrameReader(bytes)
    arrival = .now
    do throws(ProtocolError) {
      while !isClosed, let (header, payload) = try frames.next() {
        let event = try session.receive(header, payload)
        try handle(event, header, payload)
        // Answers may be much longer than what asks for them: their mass is to be noticed before the end of the batch.
        if session.control.count > Limits.controlFramesABatch { pump() }
      }
    } catch {
      fail(error)
    }
    guard !isClosed else { return bytes.count }
    housekeeping.heard(hasWholeFrame: frames.consumed > 0, leavesPart: frames.consumed < bytes.count)
    pump()
    return frames.consumed
  }

  final func drained(_: Connection) { pump() }

  final func closed(_: Connection, error: TransportError?) {
    hasPeerEnded = error == .closed
    close(because: error.map { "\($0)" } ?? "the peer closed the connection")
  }

  // MARK: Time

  private func keepTime(after delay: Duration) {
    // Strong, for a weak reference would make every other one slower; closing cancels the timer and lets go.
    ticker = reactor.schedule(after: delay) { [self] in
      guard !isClosed else { return }
      passTick()
      if !isClosed { keepTime(after: tick) }
    }
  }

  private func passTick() {
    sinceRefill += tick
    if sinceRefill >= .seconds(1) {
      sinceRefill = .zero
      session.allowance.refill()
      rates.refill()
    }
    if housekeeping.isQuiet { connection.trim() }
    switch housekeeping.tick(isBusy: isBusy) {
    case .nothing: return
    case .ping:
      session.ping()
      pump()
    case .silent:
      let reason = "the peer gives no sign of life"
      logger.info("connection ended", metadata: ["reason": "\(reason)"])
      close(because: reason)
      connection.close()
    case .stuckFrame: fail(.stuckFrame)
    case .idle: retire("the connection was idle")
    case .aged: retire("the connection has reached its age")
    }
  }

  // MARK: Output

  /// Writes what may be written: every control frame, and messages up to the budget.
  final func pump() {
    guard !isClosed, session.hasOutput else { return }
    // Past the transport's mark, since only then does it tell when it has drained.
    var budget = Connection.highWatermark - connection.bufferedBytes
    var ended: [Call] = []
    connection.write { output in
      while let frame = session.nextFrame(controlOnly: budget < 0) {
        budget -= frame.header.frameBytes
        output.append(frame)
        frame.call?.wrote(frame.queueCost)
        if let call = frame.endedCall { ended.append(call) }
      }
    }
    for call in ended { forget(call) }
    if connection.bufferedBytes > Limits.maximumUnreadOutputBytes {
      fail(.outputUnread(bytes: connection.bufferedBytes))
      // It would not read a farewell either.
      connection.close()
    }
  }

  /// Ends the connection because the peer broke the protocol.
  private func fail(_ error: ProtocolError) {
    guard !isClosed else { return }
    logger.warning("connection ended: protocol error", metadata: ["error": "\(error)"])
    session.goAway("\(error)")
    connection.write { output in
      while let frame = session.nextFrame(controlOnly: true) { output.append(frame) }
    }
    closeGently()
    close(because: "\(error)")
  }

  /// Closes when everything is sent, or when the peer takes too long to read it.
  final func closeGently() {
    connection.closeAfterFlush()
    reactor.schedule(after: Self.lingerTime) { [weak self] in self?.connection.close() }
  }

  /// Marks the connection closed and ends its calls.
  final func close(because reason: String) {
    guard !isClosed else { return }
    isClosed = true
    ticker?.cancel()
    ticker = nil
    let calls = session.streams.values.map(\.call)
    session.removeAll()
    for call in calls { call.detach() }
    lost(calls, because: reason)
  }
}
