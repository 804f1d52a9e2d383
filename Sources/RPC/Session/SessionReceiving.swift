/// Receiving: calls, messages, and the credit that the peer spends on them.
extension Session {
  /// Takes the stream of a `.call` event as one in flight; then its message, where it has one, goes through `take`. A CALL
  /// without one is done with: its credit goes back to the connection.
  mutating func admit(_ header: FrameHeader, _ call: Call, maximumMessageBytes: Int) {
    streams[header.stream] = StreamState(call: call, maximumMessageBytes: maximumMessageBytes)
    if !Self.carriesMessage(header) { pass(header) }
  }

  /// Whether a CALL frame carries a message, or the first fragment of one.
  static func carriesMessage(_ header: FrameHeader) -> Bool {
    !header.flags.isDisjoint(with: [.endStream, .more]) || header.bodyBytes + header.attachmentBytes > 0
  }

  /// Gives the connection's credit for a frame back at once: nobody holds on to it.
  mutating func pass(_ header: FrameHeader) { releaseToConnection(header.frameBytes) }

  /// The reader of a call has done with `bytes` of cost.
  mutating func release(_ stream: UInt32, _ bytes: Int) {
    guard let index = streams.index(forKey: stream) else { return }
    precondition(bytes <= streams.values[index].held, "released \(bytes) bytes of \(streams.values[index].held)")
    streams.values[index].held -= bytes
    grant(index, bytes)
    releasePartial(index)
  }

  mutating func releaseToConnection(_ bytes: Int) {
    ungranted += bytes
    assert(peerCredit + ungranted <= Limits.initialConnectionCredit, "credit given back that was not spent")
    guard ungranted >= Limits.connectionCreditBatch else { return }
    control.append(.control(.credit, bigEndianBytes(UInt32(ungranted))))
    peerCredit += ungranted
    ungranted = 0
  }

  // MARK: Frames

  mutating func receiveCall(_ header: FrameHeader) throws(ProtocolError) -> SessionEvent<Call> {
    guard side == .server else { throw .wrongDirection(.call) }
    guard header.stream % 2 == 1 else { throw .wrongStream(.call, stream: header.stream, "is even") }
    guard header.stream > lastStream else {
      throw .wrongStream(.call, stream: header.stream, "not above \(lastStream)")
    }
    try checkFlags(header)
    try charge(header)
    lastStream = header.stream
    guard header.stream <= acceptsUpTo else {
      pass(header)
      return .none
    }
    return .call
  }

  mutating func receiveMessage(_ header: FrameHeader, _ body: UnsafeRawBufferPointer) throws(ProtocolError)
    -> SessionEvent<Call>
  {
    try checkFlags(header)
    try charge(header)
    guard let index = try find(header, .message) else {
      pass(header)
      return .none
    }
    guard !streams.values[index].receivingEnded else {
      throw .wrongStream(.message, stream: header.stream, "after its last message")
    }
    return try take(header, body)
  }

  /// Takes the message part of an admitted CALL or of a MESSAGE.
  mutating func take(_ header: FrameHeader, _ body: UnsafeRawBufferPointer) throws(ProtocolError) -> SessionEvent<Call>
  {
    guard let index = streams.index(forKey: header.stream) else {
      preconditionFailure("a message of a stream that was not admitted")
    }
    let cost = header.frameBytes
    guard streams.values[index].peerCredit >= cost else { throw .creditExceeded(stream: header.stream) }
    streams.values[index].peerCredit -= cost
    streams.values[index].partialCost += cost
    if let error = limitError(header, streams.values[index]) {
      return .refused(stream: header.stream, streams.values[index].call, error)
    }
    if header.flags.contains(.more) {
      if let assemblyBudget, !assemblyBudget.take(body.count) {
        return .refused(stream: header.stream, streams.values[index].call, .assemblyBudgetSpent)
      }
      streams.values[index].partial.append(contentsOf: body)
      streams.values[index].isAssembling = true
      assemblyBytes += body.count
      releasePartial(index)
      return .none
    }
    return whole(header, body, index)
  }

  mutating func receiveEnd(_ header: FrameHeader) throws(ProtocolError) -> SessionEvent<Call> {
    guard let index = try find(header, .end) else { return .none }
    let call = streams.values[index].call
    guard side == .server else {
      remove(header.stream)
      return .ended(call)
    }
    guard header.bodyBytes == 0 else { throw .malformed(.end, "with a status, from a client") }
    guard !streams.values[index].receivingEnded, !streams.values[index].isAssembling else {
      throw .wrongStream(.end, stream: header.stream, "in the middle of a message or after the last one")
    }
    streams.values[index].receivingEnded = true
    return .halfClosed(call)
  }

  mutating func receiveCancel(_ header: FrameHeader) throws(ProtocolError) -> SessionEvent<Call> {
    guard side == .server else { throw .wrongDirection(.cancel) }
    try spend(.cancels)
    guard let index = try find(header, .cancel) else { return .none }
    let call = streams.values[index].call
    remove(header.stream)
    return .cancelled(call)
  }

  // MARK: Parts

  private func checkFlags(_ header: FrameHeader) throws(ProtocolError) {
    guard !header.flags.isSuperset(of: [.endStream, .more]), let type = header.type else {
      throw .malformed(header.type ?? .message, "END_STREAM and MORE at once")
    }
    // An empty fragment would cost the sender next to nothing and us a turn.
    if header.flags.contains(.more), type == .message, header.bodyBytes + header.attachmentBytes == 0 {
      throw .malformed(type, "empty fragment")
    }
  }

  private mutating func charge(_ header: FrameHeader) throws(ProtocolError) {
    guard peerCredit >= header.frameBytes else { throw .creditExceeded(stream: 0) }
    peerCredit -= header.frameBytes
  }

  /// The stream's place; nil for one that is over.
  private func find(_ header: FrameHeader, _ type: FrameType) throws(ProtocolError)
    -> Dictionary<UInt32, StreamState<Call>>.Index?
  {
    if let index = streams.index(forKey: header.stream) { return index }
    guard header.stream <= lastStream, header.stream % 2 == 1 else {
      throw .wrongStream(type, stream: header.stream, "was never opened")
    }
    return nil
  }

  private func limitError(_ header: FrameHeader, _ state: StreamState<Call>) -> RPCError? {
    if header.attachmentBytes > 0 {
      return RPCError(.invalidArgument, "a message with an attachment; the method takes none")
    }
    guard state.partial.count + header.bodyBytes <= state.maximumMessageBytes else {
      return RPCError(
        .resourceExhausted,
        "a message of over \(state.maximumMessageBytes) bytes, the method's limit; send less at once")
    }
    if header.flags.contains(.more), assemblyBytes + header.bodyBytes > Limits.maximumAssemblyBytes {
      return RPCError(
        .resourceExhausted,
        "over \(Limits.maximumAssemblyBytes) bytes of unfinished messages on the connection; send fewer at once")
    }
    return nil
  }

  private mutating func whole(
    _ header: FrameHeader, _ body: UnsafeRawBufferPointer, _ index: Dictionary<UInt32, StreamState<Call>>.Index
  ) -> SessionEvent<Call> {
    let last = header.flags.contains(.endStream)
    var message: [UInt8]
    if streams.values[index].isAssembling {
      message = []
      swap(&message, &streams.values[index].partial)
      forgetAssembly(message.count)
      message.append(contentsOf: body)
    } else {
      message = [UInt8](body)
    }
    let cost = streams.values[index].partialCost
    streams.values[index].isAssembling = false
    streams.values[index].partialCost = 0
    streams.values[index].held += cost
    streams.values[index].receivingEnded = last
    let call = streams.values[index].call
    if last, side == .client { remove(header.stream) }
    return .message(call, message, cost: cost, last: last)
  }

  /// A message longer than the stream's credit would never come whole if nothing were given back before it has. As long
  /// as the reader has next to nothing waiting, its fragments are therefore released as they come.
  private mutating func releasePartial(_ index: Dictionary<UInt32, StreamState<Call>>.Index) {
    let cost = streams.values[index].partialCost
    guard cost > 0, streams.values[index].held < Limits.readBatch else { return }
    streams.values[index].partialCost = 0
    grant(index, cost)
  }

  private mutating func grant(_ index: Dictionary<UInt32, StreamState<Call>>.Index, _ bytes: Int) {
    releaseToConnection(bytes)
    guard !streams.values[index].receivingEnded else { return }
    streams.values[index].ungranted += bytes
    let ungranted = streams.values[index].ungranted
    guard ungranted >= Limits.streamCreditBatch else { return }
    control.append(.control(.credit, stream: streams.keys[index], bigEndianBytes(UInt32(ungranted))))
    streams.values[index].peerCredit += ungranted
    streams.values[index].ungranted = 0
  }
}
