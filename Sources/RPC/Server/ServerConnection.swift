import Logging
import Messages
import Transport

/// One client's connection: takes its calls, checks who may make them, runs their handlers.
final class ServerConnection: SessionConnection, @unchecked Sendable {
  private let routes: [UInt32: Route]
  private let scratch: ReactorScratch
  private let registry: ServerRegistry
  private let interceptors: Interceptors
  private let tracer: CallTracer
  private var isDraining = false
  /// Handlers in tasks that have not returned, also those whose calls are over.
  private var runningHandlers = 0

  init(
    _ connection: Connection, routes: [UInt32: Route], scratch: ReactorScratch, registry: ServerRegistry,
    interceptors: Interceptors, tracer: CallTracer, logger: Logger
  ) {
    self.interceptors = interceptors
    self.tracer = tracer
    self.routes = routes
    self.scratch = scratch
    self.registry = registry
    super.init(connection, side: .server, logger: logger)
  }

  // MARK: Events

  override func handle(_ event: SessionEvent<Call>, _ header: FrameHeader, _ payload: UnsafeRawBufferPointer)
    throws(ProtocolError)
  {
    switch event {
    case .call: try open(header, payload)
    case .message(let call, let message, let cost, let last):
      call.wire.value.record?.requestBytes += message.count
      call.deliver(message, cost: cost)
      if last { call.finishReading() }
    case .halfClosed(let call): call.finishReading()
    case .cancelled(let call): stop(call, RPCError(.cancelled, "\(call.method): cancelled by the caller"))
    case .refused(let stream, let call, let error):
      session.abort(stream, StatusCoding.encode(error))
      stop(call, error)
    case .none, .ended, .goAway: break
    }
  }

  private func open(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) throws(ProtocolError) {
    let (known, body, now) = (routes[header.method], header.body(of: payload), ContinuousClock.now)
    var record = CallRecord(context: context(of: known, header, CallMetadata(), now), start: now)
    let route: Route
    do throws(RPCError) {
      if header.metadataBytes > 0 {
        let metadata = try CallMetadata(decoding: header.metadata(of: payload))
        record = CallRecord(context: context(of: known, header, metadata, now), start: now)
      }
      route = try authorised(known, header)
      try interceptors.begin(&record)
      if case .reactor(let handler) = route.handler {
        record.requestBytes = body.count
        try answerNow(route, handler, header, body, &record)
        session.pass(header)
        interceptors.end(record, .ok)
        return
      }
    } catch {
      session.pass(header)
      session.refuse(header.stream, StatusCoding.encode(error))
      interceptors.end(record, error.code)
      return
    }
    let context = record.context
    let call = Call(method: route.name, deadline: context.deadline, reactor: reactor, side: .server)
    call.wire.value.record = record
    admit(call, header, maximumMessageBytes: route.maximumRequestBytes)
    if Session<Call>.carriesMessage(header) { try handle(session.take(header, body), header, payload) }
    // The first message may have been refused.
    if session.call(header.stream) != nil { start(route, call, context) }
  }

  private func authorised(_ known: Route?, _ header: FrameHeader) throws(RPCError) -> Route {
    guard let route = known else {
      throw RPCError(.unimplemented, "this server has no method with id \(hex(header.method))")
    }
    guard route.callers.contains(connection.peer.role) else {
      throw RPCError(.permissionDenied, "\(route.name): not open to the role \(connection.peer.role.rawValue)")
    }
    // Cancelling a call does not make room for another before its handler has noticed.
    guard max(session.streams.count, runningHandlers) < Limits.maximumStreams else {
      throw RPCError(
        .resourceExhausted, "over \(Limits.maximumStreams) calls in flight on one connection; wait for some to end",
        retryAfter: Limits.busyRetryAfter)
    }
    return route
  }

  private func context(
    of route: Route?, _ header: FrameHeader, _ metadata: CallMetadata, _ now: ContinuousClock.Instant
  ) -> CallContext {
    let timeout: Duration =
      header.timeoutMilliseconds == 0 ? route?.timeout ?? .zero : .milliseconds(Int64(header.timeoutMilliseconds))
    return CallContext(
      peer: connection.peer, serverName: connection.serverName, deadline: now + timeout,
      method: route?.name ?? hex(header.method), methodID: header.method, metadata: metadata)
  }

  // MARK: Synchronous handlers

  private func answerNow(
    _ route: Route, _ handler: any ReactorHandler, _ header: FrameHeader, _ body: UnsafeRawBufferPointer,
    _ record: inout CallRecord
  ) throws(RPCError) {
    guard header.flags.contains(.endStream), header.attachmentBytes == 0 else {
      throw RPCError(.invalidArgument, "\(route.name): the request must be one frame, without attachment")
    }
    guard body.count <= route.maximumRequestBytes else {
      throw RPCError(
        .resourceExhausted,
        "\(route.name): a request of \(body.count) bytes, over the method's limit of \(route.maximumRequestBytes)")
    }
    defer { scratch.reset() }
    let context = record.context
    record.responseBytes = try tracer.run(context) { () throws(RPCError) -> Int in
      try handler.answer(body, context, scratch, stream: header.stream, on: self)
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
    let message = [UInt8](unsafeUninitializedCapacity: bytes) { space, count in
      pack(UnsafeMutableRawBufferPointer(space))
      count = bytes
    }
    let call = Call(method: context.method, deadline: context.deadline, reactor: reactor, side: .server)
    admit(call, FrameHeader(.call, stream: stream), maximumMessageBytes: 0)
    session.send(stream, message, last: true)
  }

  // MARK: Handlers in tasks

  private func admit(_ call: Call, _ header: FrameHeader, maximumMessageBytes: Int) {
    session.admit(header, call, maximumMessageBytes: maximumMessageBytes)
    call.wire.value.host = self
    call.wire.value.stream = header.stream
    call.wire.value.timer = reactor.schedule(after: ContinuousClock.now.duration(to: call.deadline)) { [weak self] in
      self?.expire(call)
    }
  }

  private func start(_ route: Route, _ call: Call, _ context: CallContext) {
    guard case .task(let handler) = route.handler else { preconditionFailure("\(route.name) needs no task") }
    let (logger, tracer) = (logger, tracer)
    runningHandlers += 1
    call.wire.value.task = Task {
      let outcome = await tracer.run(context) { await Self.run(handler, call, context, logger) }
      call.reactor.execute { self.finish(call, outcome) }
    }
  }

  private static func run(
    _ handler: @Sendable (Call, CallContext) async throws -> [UInt8]?, _ call: Call, _ context: CallContext,
    _ logger: Logger
  ) async -> Result<[UInt8]?, RPCError> {
    do {
      return .success(
        try await CallContext.$inheritedDeadline.withValue(context.deadline) { try await handler(call, context) })
    } catch let error as RPCError {
      return .failure(error)
    } catch is CancellationError {
      return .failure(RPCError(.cancelled, "\(context.method): cancelled"))
    } catch {
      logger.error("handler failed", metadata: ["method": "\(context.method)", "error": "\(error)"])
      return .failure(RPCError(.internal, "\(context.method): internal error; the server's log says more"))
    }
  }

  private func finish(_ call: Call, _ outcome: Result<[UInt8]?, RPCError>) {
    runningHandlers -= 1
    call.wire.value.task = nil
    call.end(RPCError(.cancelled, "\(call.method): the handler has returned"), discardingMessages: true)
    let stream = call.wire.value.stream
    guard !isClosed, session.call(stream) != nil else { return }
    switch outcome {
    case .success(let response?):
      call.wire.value.sentBytes += response.count
      session.send(stream, response, last: true)
      report(call, .ok)
    case .success(nil):
      session.end(stream, StatusCoding.ok)
      report(call, .ok)
    case .failure(let error):
      session.end(stream, StatusCoding.encode(error))
      report(call, error.code)
    }
    pump()
  }

  private func expire(_ call: Call) {
    guard session.call(call.wire.value.stream) != nil else { return }
    let error = RPCError(.deadlineExceeded, "\(call.method): the deadline passed before the call ended")
    session.abort(call.wire.value.stream, StatusCoding.encode(error))
    stop(call, error)
    pump()
  }

  /// Tells the interceptors of a call's end, once.
  private func report(_ call: Call, _ code: StatusCode) {
    guard var record = call.wire.value.record.take() else { return }
    record.responseBytes = call.wire.value.sentBytes
    interceptors.end(record, code)
  }

  /// Ends a call whose stream is gone.
  private func stop(_ call: Call, _ error: RPCError) {
    report(call, error.code)
    call.end(error, discardingMessages: true)
    call.wire.value.task?.cancel()
    forget(call)
  }

  // MARK: End of the connection

  /// Takes no more calls, and closes when those in flight have ended.
  func drain(_ reason: String) {
    guard !isDraining, !isClosed else { return }
    isDraining = true
    session.goAway(reason)
    pump()
    streamEnded()
  }

  /// Ends every call in flight with UNAVAILABLE and closes.
  func terminate(_ reason: String) {
    guard !isClosed else { return }
    let error = RPCError(.unavailable, reason)
    for (stream, call) in session.streams.mapValues(\.call) {
      session.abort(stream, StatusCoding.encode(error))
      stop(call, error)
    }
    drain(reason)
  }

  override func streamEnded() {
    guard isDraining, !isClosed, session.streams.isEmpty else { return }
    pump()
    closeGently()
  }

  override func lost(_ calls: [Call], because reason: String) {
    for call in calls { stop(call, RPCError(.cancelled, "\(call.method): \(reason)")) }
    registry.remove(self)
  }
}

/// A method's id as PROTOCOL.md writes it.
func hex(_ id: UInt32) -> String {
  let digits = String(id, radix: 16)
  return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
}
