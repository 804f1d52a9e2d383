/// What a call's task and its reactor tell each other: messages that came in, room for messages that go out, the end.
struct Mailbox {
  /// What a reader gets.
  typealias Reading = Result<[UInt8]?, RPCError>
  typealias Reader = CheckedContinuation<Reading, Never>
  typealias Writer = CheckedContinuation<Void, Never>

  private enum Incoming {
    case open, finished
    case failed(RPCError)
  }

  private var messages = Queue<(bytes: [UInt8], cost: Int)>()
  private var incoming = Incoming.open
  private var reader: Reader?
  /// Cost of messages that were read and of which the reactor has not been told.
  private var unposted = 0
  /// Bytes on their way to the reactor or queued there. The only message of a unary call is not counted when it is
  /// queued, since nobody waits for room behind it.
  private var queuedBytes = 0
  private var writers: [Writer] = []
  /// Why nothing can be sent any more.
  private(set) var sendError: RPCError?
  /// Messages sent so far.
  private(set) var sentMessages = 0
  /// The call has a stream.
  private(set) var isOpen: Bool

  /// `isOpen`: whether the call has its stream from the beginning, as on a server.
  init(isOpen: Bool) { self.isOpen = isOpen }

  /// What a message counts for while it waits: with its header, so that empty ones cannot pile up.
  static func queueCost(_ bytes: Int) -> Int { FrameHeader.byteCount + bytes }

  // MARK: The reactor's side

  /// Puts a message in; a waiting reader is to be resumed with what this returns.
  mutating func deliver(_ bytes: [UInt8], cost: Int) -> (Reader, release: Int)? {
    guard !hasEnded else { return nil }
    guard let reader = takeReader() else {
      messages.append((bytes, cost))
      return nil
    }
    return (reader, release: post(cost))
  }

  /// No more messages will come.
  mutating func finishReading() -> Reader? {
    guard case .open = incoming else { return nil }
    incoming = .finished
    return takeReader()
  }

  /// The call is over. Messages that have come can still be read, unless it is the reader's side that gave it up.
  mutating func end(_ error: RPCError?, discardingMessages: Bool) -> (Reader?, [Writer]) {
    guard !hasEnded else { return (nil, []) }
    hasEnded = true
    if let error { incoming = .failed(error) } else if case .open = incoming { incoming = .finished }
    if discardingMessages { messages = Queue() }
    sendError = error ?? RPCError(.cancelled, "the call has ended")
    return stopWaiting()
  }

  /// The call has its stream.
  mutating func open() -> [Writer] {
    isOpen = true
    defer { writers = [] }
    return writers
  }

  /// Messages that counted for `bytes` have gone out.
  mutating func wrote(_ bytes: Int) -> [Writer] {
    queuedBytes -= bytes
    guard queuedBytes <= Limits.sendQueueBytes, !writers.isEmpty else { return [] }
    defer { writers = [] }
    return writers
  }

  // MARK: The task's side

  /// The next message, the end, or nil when the reader must wait; `release` is what the reactor is to be told.
  mutating func read() -> (Reading, release: Int)? {
    if let (bytes, cost) = messages.popFirst() { return (.success(bytes), post(cost)) }
    switch incoming {
    case .open: return nil
    case .finished: return (.success(nil), 0)
    case .failed(let error): return (.failure(error), 0)
    }
  }

  /// Waits; `read` has just returned nil.
  mutating func wait(_ reader: Reader) {
    precondition(self.reader == nil, "the messages of a call are read by one task at a time")
    self.reader = reader
  }

  /// Counts a message as on its way.
  mutating func send(_ bytes: Int) throws(RPCError) {
    if let sendError { throw sendError }
    queuedBytes += Self.queueCost(bytes)
    sentMessages += 1
  }

  /// Nothing can be sent after this.
  mutating func finishSending() throws(RPCError) {
    if let sendError { throw sendError }
    sendError = RPCError(.failedPrecondition, "sent after the last message")
  }

  /// Whether a sender must wait until the call has its stream, or more has gone out.
  var isFull: Bool { (!isOpen || queuedBytes > Limits.sendQueueBytes) && !hasEnded }

  /// The call is over.
  private(set) var hasEnded = false

  mutating func wait(_ writer: Writer) { writers.append(writer) }

  /// Lets go of everybody who waits.
  mutating func stopWaiting() -> (Reader?, [Writer]) {
    defer { writers = [] }
    return (takeReader(), writers)
  }

  // MARK: Parts

  private mutating func takeReader() -> Reader? {
    defer { reader = nil }
    return reader
  }

  private mutating func post(_ cost: Int) -> Int {
    unposted += cost
    guard unposted >= Limits.readBatch else { return 0 }
    defer { unposted = 0 }
    return unposted
  }
}
