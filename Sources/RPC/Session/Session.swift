import Messages

/// One side of a connection: which streams there are, what may be sent, what must be refused.
///
/// A value without I/O, clock or thread: frames go in through `receive`, frames come out of `nextFrame`. Its holder
/// moves the bytes and knows the calls. Rules and reasons: PROTOCOL.md.
struct Session<Call> {
  enum Side { case client, server }

  let side: Side
  var streams: [UInt32: StreamState<Call>] = [:]
  /// The highest stream opened so far.
  var lastStream: UInt32 = 0
  /// Calls in flight that the peer accepts.
  private(set) var peerMaximumStreams = Limits.maximumStreams
  private(set) var helloReceived = false
  /// Streams above this one are not taken: GOAWAY was sent.
  private(set) var acceptsUpTo = UInt32.max
  /// GOAWAY was received: no new streams.
  private(set) var peerIsGoingAway = false

  /// Bytes of frames that this side may still send on all streams together.
  var sendCredit = Limits.initialConnectionCredit
  /// Bytes of frames that the peer may still send on all streams together.
  var peerCredit = Limits.initialConnectionCredit
  /// Released, but not yet worth a CREDIT frame.
  var ungranted = 0
  /// What the peer may still send of frames that cost it nothing.
  var allowance = Allowance()
  /// Bytes of messages that are still coming in.
  var assemblyBytes = 0
  /// What a server's connections share for such messages; nil = the connection's own limit is all.
  var assemblyBudget: AssemblyBudget?
  /// Bytes of messages that wait to be sent.
  var queuedBytes = 0

  var control = Queue<OutgoingFrame<Call>>()
  /// Calls whose CALL frame is still to be sent, in the order of their streams.
  var openings = Queue<(stream: UInt32, opening: CallOpening)>()
  /// The highest stream whose CALL frame is out.
  var lastOpened: UInt32 = 0
  /// Streams with something to send and credit for it, served in turn.
  var ring = Queue<UInt32>()
  /// Connection credit below which nothing in the ring can be sent, so that a peer which gives little of it cannot have
  /// the whole ring looked through for each of its frames.
  var ringNeeds = 0
  var openingsTurn = true

  /// A new connection's session; its HELLO is the first frame to be sent.
  init(side: Side) {
    self.side = side
    let hello = Encoded<Proto.Hello> { $0.version = UInt32(FrameHeader.version) }
    control.append(.control(.hello, hello.bytes))
  }

  /// Takes one frame. What it throws ends the connection.
  mutating func receive(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) throws(ProtocolError)
    -> SessionEvent<Call>
  {
    guard let type = header.type else {
      guard helloReceived else { throw .notHelloFirst(header.typeNumber) }
      guard header.flags.contains(.ignorable) else { throw .unknownType(header.typeNumber) }
      try spend(.others)
      return .none
    }
    guard helloReceived || type == .hello else { throw .notHelloFirst(header.typeNumber) }
    guard type.isOfConnection(header.stream) else {
      throw .wrongStream(type, stream: header.stream, header.stream == 0 ? "needs a call's" : "needs 0")
    }
    if type != .call, type != .message { try checkControl(type, header) }
    let body = header.body(of: payload)
    switch type {
    case .hello: return try receiveHello(body)
    case .call: return try receiveCall(header)
    case .message: return try receiveMessage(header, body)
    case .end: return try receiveEnd(header)
    case .cancel: return try receiveCancel(header)
    case .credit:
      try spend(.others)
      return try receiveCredit(header.stream, body)
    case .ping:
      try spend(.pings)
      control.append(.control(.pong, [UInt8](body)))
      return .none
    case .pong:
      try spend(.others)
      return .none
    case .goAway: return try receiveGoAway(body)
    }
  }

  /// Sends GOAWAY: streams opened from now on are dropped unanswered. A second one names another reason.
  mutating func goAway(_ reason: String) {
    acceptsUpTo = min(acceptsUpTo, lastStream)
    let body = Encoded<Proto.GoAway> {
      $0.last_stream = acceptsUpTo
      $0.reason = StatusCoding.cut(reason, toBytes: Limits.maximumStatusTextBytes)
    }
    control.append(.control(.goAway, body.bytes))
  }

  /// Asks the peer for a sign of life.
  mutating func ping() {
    control.append(.control(.ping, [UInt8](repeating: 0, count: Limits.pingBytes)))
  }

  /// Takes one from the peer's allowance.
  mutating func spend(_ kind: Allowance.Kind) throws(ProtocolError) {
    guard allowance.take(kind) else { throw .tooMany(kind) }
  }

  /// The call on `stream`, while it is in flight.
  func call(_ stream: UInt32) -> Call? { streams[stream]?.call }

  /// Forgets a stream and gives back the connection's credit for what it has not released.
  mutating func remove(_ stream: UInt32) {
    guard let state = streams.removeValue(forKey: stream) else { return }
    forgetAssembly(state.partial.count)
    queuedBytes -= state.queuedBytes
    releaseToConnection(state.unreleased)
  }

  /// Forgets every stream: the connection is gone.
  mutating func removeAll() {
    forgetAssembly(assemblyBytes)
    streams = [:]
  }

  /// Bytes of an unfinished message have become a whole one, or are dropped.
  mutating func forgetAssembly(_ bytes: Int) {
    guard bytes > 0 else { return }
    assemblyBytes -= bytes
    assemblyBudget?.giveBack(bytes)
  }

  private func checkControl(_ type: FrameType, _ header: FrameHeader) throws(ProtocolError) {
    guard header.attachmentBytes == 0 else { throw .malformed(type, "has an attachment") }
    let limit = type.exactBodyBytes ?? Limits.maximumControlBodyBytes
    guard header.bodyBytes <= limit, type.exactBodyBytes == nil || header.bodyBytes == limit else {
      throw .malformed(
        type, "body of \(header.bodyBytes) bytes, not \(type.exactBodyBytes == nil ? "<= " : "")\(limit)")
    }
  }

  private mutating func receiveHello(_ body: UnsafeRawBufferPointer) throws(ProtocolError) -> SessionEvent<Call> {
    guard !helloReceived else { throw .secondHello }
    let hello = try decode(Proto.Hello.self, body, of: .hello)
    guard hello.version >= UInt32(FrameHeader.version) else { throw .malformed(.hello, "version 0") }
    guard hello.maximum_frame_bytes == 0 || hello.maximum_frame_bytes >= UInt32(Limits.maximumFrameBytes) else {
      throw .malformed(.hello, "frames of at most \(hello.maximum_frame_bytes) bytes; every side takes the default")
    }
    // Never more than our own limit: the credit that readers may hold back is reckoned for so many streams.
    if hello.maximum_streams > 0 { peerMaximumStreams = min(Int(hello.maximum_streams), Limits.maximumStreams) }
    helloReceived = true
    return .none
  }

  private mutating func receiveGoAway(_ body: UnsafeRawBufferPointer) throws(ProtocolError) -> SessionEvent<Call> {
    let goAway = try decode(Proto.GoAway.self, body, of: .goAway)
    peerIsGoingAway = true
    let lastStream = goAway.last_stream
    let notProcessed = side == .client ? streams.keys.filter { $0 > lastStream }.sorted() : []
    let calls = notProcessed.compactMap { call($0) }
    for stream in notProcessed { remove(stream) }
    return .goAway(reason: goAway.reason, notProcessed: calls)
  }

  private func decode<M: Message>(_: M.Type, _ body: UnsafeRawBufferPointer, of type: FrameType) throws(ProtocolError)
    -> View<M>
  {
    do throws(MessageError) {
      return try Arena(limit: Arena.limit(forWireBytes: body.count)).decode(from: body)
    } catch {
      throw .malformed(type, error.description)
    }
  }
}

extension FrameType {
  /// Length of a body that is not a message, where it is always the same.
  fileprivate var exactBodyBytes: Int? {
    switch self {
    case .cancel: 0
    case .credit: Limits.creditBytes
    case .ping, .pong: Limits.pingBytes
    case .hello, .call, .message, .end, .goAway: nil
    }
  }

  /// Whether a frame of the type may carry this stream: connection frames 0, call frames any other, CREDIT both.
  fileprivate func isOfConnection(_ stream: UInt32) -> Bool {
    switch self {
    case .hello, .ping, .pong, .goAway: stream == 0
    case .call, .message, .end, .cancel: stream != 0
    case .credit: true
    }
  }
}
