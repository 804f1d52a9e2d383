import Messages
import Transport

/// Calls that are answered at once, on the reactor's thread.
extension ServerConnection {
  /// Takes and answers a call in one go: the way of every lookup. What is not for the reactor gets a task.
  func answerNow(_ route: Route, _ header: FrameHeader, _ payload: UnsafeRawBufferPointer) throws(ProtocolError) {
    let origin = origin(of: route, header.method)
    guard header.metadataBytes > 0 else {
      return try answerNow(route, context(origin, of: route, header, nil), header, payload)
    }
    let metadata: CallMetadata
    do throws(RPCError) {
      metadata = try CallMetadata(decoding: header.metadata(of: payload))
    } catch {
      let context = context(origin, of: route, header, nil)
      return refuse(header, CallRecord(context: context, start: arrival), error)
    }
    try answerNow(route, context(origin, of: route, header, metadata), header, payload)
  }

  private func answerNow(
    _ route: Route, _ context: CallContext, _ header: FrameHeader, _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) {
    let body = header.body(of: payload)
    var (begun, requestBytes) = (0, 0)
    let written: Int?
    do throws(RPCError) {
      try authorise(route, header)
      try shared.interceptors.begin(context, &begun)
      requestBytes = body.count
      written = try answer(route, context, header, body)
    } catch {
      let record = CallRecord(context: context, start: arrival, begun: begun, requestBytes: requestBytes)
      return refuse(header, record, error)
    }
    if written == nil, let heavy = route.heavy {
      return try take(heavy, CallRecord(context: context, start: arrival, begun: begun), header, payload)
    }
    session.pass(header)
    shared.interceptors.end(context, since: arrival, requestBytes: requestBytes, responseBytes: written ?? 0)
  }

  private func answer(
    _ route: Route, _ context: CallContext, _ header: FrameHeader, _ body: UnsafeRawBufferPointer
  ) throws(RPCError) -> Int? {
    guard let handler = route.reactorHandler else { preconditionFailure("\(route.method.name) is not for the reactor") }
    try checkWhole(header, body, of: route)
    return try shared.tracer.run(context) { () throws(RPCError) in
      try handler.answer(body, context, scratch, stream: header.stream, on: self)
    }
  }

  private func origin(of route: Route, _ id: UInt32) -> CallContext.Origin {
    if let origin, origin.methodID == id { return origin }
    let made = CallContext.Origin(caller, method: route.method.name, id: id)
    origin = made
    return made
  }

  private func checkWhole(
    _ header: FrameHeader, _ body: UnsafeRawBufferPointer, of route: Route
  ) throws(RPCError) {
    guard header.flags.contains(.endStream), header.attachmentBytes == 0 else {
      throw RPCError(.invalidArgument, "\(route.method.name): the request must be one frame, without attachment")
    }
    let most = route.maximumRequestBytes
    guard body.count <= most else {
      throw RPCError(
        .resourceExhausted, "\(route.method.name): a request of \(body.count) bytes, over the method's limit of \(most)"
      )
    }
  }

  /// Writes the only response of a call: straight into the output where credit and the output's mark allow, which they
  /// nearly always do.
  func answer(_ stream: UInt32, _ context: CallContext, bytes: Int, _ pack: (UnsafeMutableRawBufferPointer) -> Void) {
    if connection.bufferedBytes < Connection.highWatermark, session.takeCredit(forMessageBytes: bytes) {
      connection.write { output in
        output.append(count: FrameHeader.byteCount + bytes) { space in
          FrameHeader(.message, flags: .endStream, stream: stream, bodyBytes: bytes).write(to: space)
          pack(UnsafeMutableRawBufferPointer(rebasing: space[FrameHeader.byteCount...]))
        }
      }
      return
    }
    let message =
      bytes == 0
      ? []
      : [UInt8](unsafeUninitializedCapacity: bytes) { space, count in
        pack(UnsafeMutableRawBufferPointer(space))
        count = bytes
      }
    let call = Call(method: context.method, deadline: context.deadline.instant, reactor: reactor, side: .server)
    // With its message, whose credit goes back once it is answered.
    admit(call, FrameHeader(.call, flags: .endStream, stream: stream), maximumMessageBytes: 0)
    session.send(stream, message, last: true)
  }
}
