import Synchronization
import Transport

/// One call in flight, as the task that makes or handles it and its connection's reactor share it.
final class Call: Sendable {
  /// Full name of the method.
  let method: String
  let deadline: ContinuousClock.Instant
  let reactor: Reactor
  private let side: Session<Call>.Side
  /// What the connection keeps of the call.
  let wire: ReactorBound<Wire>
  private let mailbox: Mutex<Mailbox>

  /// The connection's part of a call: touched on the reactor only.
  struct Wire {
    /// Nil before the call has a connection, and after its end.
    var host: (any CallHost)?
    var stream: UInt32 = 0
    var timer: Timer?
    /// Messages handed to the connection.
    var sentBytes = 0
    /// The method that counts this call's messages, on a client, where it has a limit of them.
    var rate: (method: UInt32, most: Int)?
    /// The handler's task, on a server.
    var task: Task<Void, Never>?
    /// Whose handler has not begun yet, on a server.
    var unstarted: Route?
    /// What the interceptors are to hear, on a server; nil once they have.
    var record: CallRecord?
  }

  init(method: String, deadline: ContinuousClock.Instant, reactor: Reactor, side: Session<Call>.Side) {
    // A server hears of a call by its stream.
    mailbox = Mutex(Mailbox(isOpen: side == .server))
    self.side = side
    self.method = method
    self.deadline = deadline
    self.reactor = reactor
    wire = ReactorBound(Wire(), to: reactor)
  }
}

// MARK: The task's side

extension Call {
  /// The next incoming message; nil after the last. On a client, cancelling the task gives the call up.
  func next() async throws(RPCError) -> [UInt8]? {
    if let (reading, release) = mailbox.withLock({ $0.read() }) {
      tellReactor(released: release)
      return try reading.get()
    }
    let reading = await withTaskCancellationHandler {
      await withCheckedContinuation { (reader: Mailbox.Reader) in
        // A message may have come in the meantime.
        let ready = mailbox.withLock { mailbox -> (Mailbox.Reading, release: Int)? in
          if let ready = mailbox.read() { return ready }
          guard !Task.isCancelled else { return (Mailbox.Reading.failure(.taskCancelled(method)), release: 0) }
          mailbox.wait(reader)
          return nil
        }
        guard let (reading, release) = ready else { return }
        tellReactor(released: release)
        reader.resume(returning: reading)
      }
    } onCancel: {
      taskCancelled()
    }
    return try reading.get()
  }

  /// Sends a message; suspends while too much waits to go out. On a client, cancelling the task gives the call up.
  func send(_ message: [UInt8]) async throws(RPCError) {
    try mailbox.withLock { (mailbox) throws(RPCError) in try mailbox.send(message.count) }
    reactor.execute { self.wire.value.host?.send(self, message, last: false) }
    await waitForRoom()
    if let error = mailbox.withLock({ $0.hasEnded ? $0.sendError : nil }) { throw error }
    if Task.isCancelled { throw .taskCancelled(method) }
  }

  /// Tells the other side that no more messages follow.
  func finishSending() throws(RPCError) {
    try mailbox.withLock { (mailbox) throws(RPCError) in try mailbox.finishSending() }
    reactor.execute { self.wire.value.host?.finishSending(self) }
  }

  /// Waits until the call has its stream; throws what ended it before.
  func waitForStream() async throws(RPCError) {
    await waitForRoom()
    let (isOpen, error) = mailbox.withLock { ($0.isOpen, $0.sendError) }
    if !isOpen, let error { throw error }
  }

  /// Whether the call is over.
  var hasEnded: Bool { mailbox.withLock { $0.hasEnded } }

  /// Messages sent so far.
  var sentMessages: Int { mailbox.withLock { $0.sentMessages } }

  /// Gives the call up.
  func abandon() {
    guard !hasEnded else { return }
    end(.taskCancelled(method), discardingMessages: true)
    reactor.execute { self.wire.value.host?.abandon(self) }
  }

  private func waitForRoom() async {
    // Woken by another's cancellation, a sender looks again.
    while mailbox.withLock({ $0.isFull }), !Task.isCancelled {
      await withTaskCancellationHandler {
        await withCheckedContinuation { (writer: Mailbox.Writer) in
          let mustWait = mailbox.withLock { mailbox in
            let mustWait = mailbox.isFull && !Task.isCancelled
            if mustWait { mailbox.wait(writer) }
            return mustWait
          }
          if !mustWait { writer.resume() }
        }
      } onCancel: {
        taskCancelled()
      }
    }
  }

  /// On a server the task may be one of several that a handler uses: only its own waiting ends.
  private func taskCancelled() {
    guard side == .server else { return abandon() }
    let (reader, writers) = mailbox.withLock { $0.stopWaiting() }
    reader?.resume(returning: .failure(.taskCancelled(method)))
    for writer in writers { writer.resume() }
  }

  private func tellReactor(released: Int) {
    guard released > 0 else { return }
    reactor.execute { self.wire.value.host?.release(self, released) }
  }
}

// MARK: The reactor's side

extension Call {
  /// Hands a message to the reader.
  func deliver(_ message: [UInt8], cost: Int) {
    guard let (reader, release) = mailbox.withLock({ $0.deliver(message, cost: cost) }) else { return }
    if release > 0 { wire.value.host?.release(self, release) }
    reader.resume(returning: .success(message))
  }

  /// The call has got its stream.
  func opened() {
    for writer in mailbox.withLock({ $0.open() }) { writer.resume() }
  }

  /// No more messages will come in.
  func finishReading() {
    mailbox.withLock { $0.finishReading() }?.resume(returning: .success(nil))
  }

  /// Messages that counted for `bytes` have gone out.
  func wrote(_ bytes: Int) {
    for writer in mailbox.withLock({ $0.wrote(bytes) }) { writer.resume() }
  }

  /// The call is over, well or with an error. May be called from any thread; only the first end counts.
  func end(_ error: RPCError?, discardingMessages: Bool = false) {
    let (reader, writers) = mailbox.withLock { $0.end(error, discardingMessages: discardingMessages) }
    reader?.resume(returning: error.map { .failure($0) } ?? .success(nil))
    for writer in writers { writer.resume() }
  }

  /// Parts the call from its connection.
  func detach() {
    wire.value.host = nil
    wire.value.timer?.cancel()
    wire.value.timer = nil
  }
}

extension RPCError {
  /// This side gave the call up, or the part of it that waited.
  fileprivate static func taskCancelled(_ method: String) -> RPCError {
    RPCError(.cancelled, "\(method): given up by this side")
  }
}
