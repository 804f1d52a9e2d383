/// Sending: which frame goes next, and what credit it needs.
extension Session {
  /// Ended streams that may wait in a queue before it is looked through for them.
  private static var sweepSlack: Int { 64 }

  /// Opens a stream for a call; its CALL frame goes out with the first part of `message`. Nil when no id is left.
  mutating func open(_ call: Call, _ opening: CallOpening, message: [UInt8]?, last: Bool, maximumMessageBytes: Int)
    -> UInt32?
  {
    precondition(side == .client && !peerIsGoingAway, "a call on a session that cannot have one")
    precondition(opening.metadata.count <= Limits.maximumMetadataBytes, "metadata over the protocol's limit")
    guard lastStream < UInt32.max - 2 else { return nil }
    let stream = lastStream == 0 ? 1 : lastStream + 2
    lastStream = stream
    var state = StreamState(call: call, maximumMessageBytes: maximumMessageBytes)
    if let message {
      state.queue.append(.message(message, last: last))
      state.queuedBytes = message.count
      queuedBytes += message.count
    }
    state.sendingEnded = message != nil && last
    // In `openings`, not in the ring, until its CALL is out: streams must open in order.
    state.isScheduled = true
    streams[stream] = state
    if openings.count > 2 * streams.count + Self.sweepSlack {
      openings.removeAll { streams.index(forKey: $0.stream) == nil }
    }
    openings.append((stream, opening))
    return stream
  }

  /// Queues a message; the last one half-closes the stream, or ends the call well from a server.
  mutating func send(_ stream: UInt32, _ message: [UInt8], last: Bool) {
    enqueue(stream, .message(message, last: last), ends: last)
  }

  /// Queues END: after the client's last message, or with the server's status.
  mutating func end(_ stream: UInt32, _ status: [UInt8]) { enqueue(stream, .end(status), ends: true) }

  /// Ends a server's stream at once, whatever is queued on it.
  mutating func abort(_ stream: UInt32, _ status: [UInt8]) {
    remove(stream)
    refuse(stream, status)
  }

  /// Answers a call that was not admitted with an error.
  mutating func refuse(_ stream: UInt32, _ status: [UInt8]) {
    control.append(.control(.end, stream: stream, status))
  }

  /// Gives a client's stream up.
  mutating func cancel(_ stream: UInt32) {
    guard streams[stream] != nil else { return }
    remove(stream)
    // Where the CALL is still waiting to be sent, its opening is skipped and the server never hears of the stream.
    if stream <= lastOpened { control.append(.control(.cancel, stream: stream)) }
  }

  /// Takes credit for a message that its holder writes itself, as one frame; false when it must be queued instead.
  mutating func takeCredit(forMessageBytes bytes: Int) -> Bool {
    let cost = FrameHeader.byteCount + bytes
    guard bytes <= Limits.maximumPayloadBytes, cost <= sendCredit else { return false }
    sendCredit -= cost
    return true
  }

  mutating func receiveCredit(_ stream: UInt32, _ body: UnsafeRawBufferPointer) throws(ProtocolError)
    -> SessionEvent<Call>
  {
    let bytes = Int(UInt32(bigEndian: body.loadUnaligned(as: UInt32.self)))
    guard bytes > 0 else { throw .malformed(.credit, "of 0 bytes") }
    guard stream != 0 else {
      guard bytes <= Limits.maximumCredit - sendCredit else { throw .creditOverflow(stream: 0) }
      sendCredit += bytes
      return .none
    }
    guard let index = streams.index(forKey: stream) else {
      guard stream <= lastStream, stream % 2 == 1 else {
        throw .wrongStream(.credit, stream: stream, "was never opened")
      }
      return .none
    }
    guard bytes <= Limits.maximumCredit - streams.values[index].sendCredit else {
      throw .creditOverflow(stream: stream)
    }
    streams.values[index].sendCredit += bytes
    schedule(index)
    return .none
  }

  /// Whether anything waits to be sent, with or without credit for it.
  var hasOutput: Bool { !control.isEmpty || !ring.isEmpty || !openings.isEmpty }

  /// The next frame to be written; nil when there is none or credit is lacking. `controlOnly` leaves messages waiting.
  ///
  /// Complexity: O(1), or O(streams waiting) when the connection's credit is used up.
  mutating func nextFrame(controlOnly: Bool = false) -> OutgoingFrame<Call>? {
    if let frame = control.popFirst() { return frame }
    guard !controlOnly else { return nil }
    // Openings and the ring take turns, so that neither waits for the end of the other.
    openingsTurn.toggle()
    return openingsTurn ? nextOpening() ?? nextInRing() : nextInRing() ?? nextOpening()
  }

  // MARK: Parts

  private mutating func enqueue(_ stream: UInt32, _ item: StreamState<Call>.Outgoing, ends: Bool) {
    guard let index = streams.index(forKey: stream), !streams.values[index].sendingEnded else { return }
    streams.values[index].queue.append(item)
    if case .message(let message, _) = item { count(message.count, index) }
    streams.values[index].sendingEnded = ends
    schedule(index)
  }

  /// Counts bytes of messages that wait, or wait no more.
  private mutating func count(_ bytes: Int, _ index: Dictionary<UInt32, StreamState<Call>>.Index) {
    streams.values[index].queuedBytes += bytes
    queuedBytes += bytes
  }

  private mutating func schedule(_ index: Dictionary<UInt32, StreamState<Call>>.Index) {
    guard !streams.values[index].isScheduled, !streams.values[index].queue.isEmpty else { return }
    streams.values[index].isScheduled = true
    // Streams that have ended stay in the ring until they are come to, which may be long where credit is used up.
    if ring.count > 2 * streams.count + Self.sweepSlack { ring.removeAll { streams.index(forKey: $0) == nil } }
    ring.append(streams.keys[index])
    ringNeeds = min(ringNeeds, streams.values[index].connectionCreditNeeded)
  }

  private mutating func nextOpening() -> OutgoingFrame<Call>? {
    while let (stream, opening) = openings.first {
      guard let index = streams.index(forKey: stream) else {
        _ = openings.popFirst()
        continue
      }
      var frame = OutgoingFrame<Call>(header: FrameHeader(.call, stream: stream))
      let metadata = opening.metadata
      if streams.values[index].mayOpenWithMessage {
        guard let fragment = nextFragment(stream, index, .call, metadataBytes: metadata.count) else { return nil }
        frame = fragment
      } else {
        frame.header.metadataBytes = metadata.count
        guard sendCredit >= frame.header.frameBytes else { return nil }
        sendCredit -= frame.header.frameBytes
        streams.values[index].sendCredit -= frame.header.frameBytes
      }
      frame.metadata = metadata
      frame.header.method = opening.method
      frame.header.timeoutMilliseconds = opening.timeoutMilliseconds
      lastOpened = stream
      _ = openings.popFirst()
      streams.values[index].isScheduled = false
      schedule(index)
      return frame
    }
    return nil
  }

  private mutating func nextInRing() -> OutgoingFrame<Call>? {
    guard sendCredit >= ringNeeds else { return nil }
    var needs = Int.max
    for _ in 0..<ring.count {
      guard let stream = ring.popFirst(), let index = streams.index(forKey: stream) else { continue }
      guard let item = streams.values[index].queue.first else {
        streams.values[index].isScheduled = false
        continue
      }
      if case .end(let status) = item {
        _ = streams.values[index].queue.popFirst()
        streams.values[index].isScheduled = false
        var frame = OutgoingFrame<Call>.control(.end, stream: stream, status)
        if side == .server {
          frame.endedCall = streams.values[index].call
          remove(stream)
        }
        return frame
      }
      if let frame = nextFragment(stream, index, .message) {
        if frame.endedCall != nil {
          remove(stream)
        } else if streams.values[index].queue.isEmpty {
          streams.values[index].isScheduled = false
        } else {
          ring.append(stream)
          ringNeeds = min(ringNeeds, streams.values[index].connectionCreditNeeded)
        }
        return frame
      }
      if streams.values[index].sendCredit < streams.values[index].fragmentCost {
        // Its own CREDIT puts it back.
        streams.values[index].isScheduled = false
      } else {
        needs = min(needs, streams.values[index].connectionCreditNeeded)
        ring.append(stream)
      }
    }
    ringNeeds = needs
    return nil
  }

  /// The next piece of the first message in a stream's queue, as long as credit and the frame's limit allow, with room
  /// for metadata before it; nil when credit does not even allow a piece worth its header.
  private mutating func nextFragment(
    _ stream: UInt32, _ index: Dictionary<UInt32, StreamState<Call>>.Index, _ type: FrameType,
    metadataBytes: Int = 0
  ) -> OutgoingFrame<Call>? {
    guard case .message(let message, let last) = streams.values[index].queue.first else { return nil }
    let credit = min(sendCredit, streams.values[index].sendCredit)
    // A request that fits in its CALL must come whole: it may be for a handler that takes nothing else.
    let mustBeWhole = type == .call && last && metadataBytes + message.count <= Limits.maximumPayloadBytes
    let cost = mustBeWhole ? FrameHeader.byteCount + message.count : streams.values[index].fragmentCost
    guard credit >= metadataBytes + cost else { return nil }
    let sent = streams.values[index].sent
    let left = message.count - sent
    let bytes = min(left, credit - FrameHeader.byteCount - metadataBytes, Limits.maximumPayloadBytes - metadataBytes)
    let isWhole = bytes == left
    var frame = OutgoingFrame<Call>(header: FrameHeader(type, stream: stream, bodyBytes: bytes))
    frame.header.metadataBytes = metadataBytes
    frame.header.flags = isWhole ? (last ? .endStream : []) : .more
    frame.source = message
    frame.range = sent..<sent + bytes
    frame.call = streams.values[index].call
    frame.endedCall = isWhole && last && side == .server ? frame.call : nil
    sendCredit -= frame.header.frameBytes
    streams.values[index].sendCredit -= frame.header.frameBytes
    count(-bytes, index)
    streams.values[index].sent = isWhole ? 0 : sent + bytes
    if isWhole { _ = streams.values[index].queue.popFirst() }
    return frame
  }
}

/// A number as the wire has it.
func bigEndianBytes(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { [UInt8]($0) } }
