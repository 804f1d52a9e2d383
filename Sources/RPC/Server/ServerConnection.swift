import Logging
import Messages
import Transport

/// What all connections of a server share.
struct ServerShared: Sendable {
  let routes: MethodIndex<Route>
  let interceptors: Interceptors
  let tracer = CallTracer()
  let limits: ServerLimits
  let tenantDomain: String
  let registry = ServerRegistry()
  let assemblyBudget: AssemblyBudget
  let logger: Logger
  /// Of handlers that failed otherwise than their callers may know, by method.
  let faults: LimitedLog<String>

  init(
    routes: [UInt32: Route], interceptors: Interceptors, limits: ServerLimits, tenantDomain: String, logger: Logger
  ) {
    self.routes = MethodIndex(routes)
    self.interceptors = interceptors
    self.limits = limits
    assemblyBudget = AssemblyBudget(bytes: limits.maximumAssemblyBytes)
    self.tenantDomain = tenantDomain
    self.logger = logger
    faults = LimitedLog(logger)
  }
}

/// One client's connection: takes its calls, checks who may make them, runs their handlers.
final class ServerConnection: SessionConnection, @unchecked Sendable {
  let shared: ServerShared
  let caller: Caller
  let scratch: ReactorScratch
  /// Of the latest call that the reactor answered: the next is mostly one of the same method.
  @exclusivity(unchecked) var origin: CallContext.Origin?
  private var isDraining = false
  /// Handlers in tasks that have not returned, also those whose calls are over.
  private var runningHandlers = 0

  init(_ connection: Connection, _ shared: ServerShared, scratch: ReactorScratch) {
    self.shared = shared
    caller = Caller(connection.peer, serverName: connection.serverName, tenantDomain: shared.tenantDomain)
    self.scratch = scratch
    super.init(
      connection, side: .server, liveness: shared.limits.liveness, idleTimeout: shared.limits.idleTimeout,
      age: shared.limits.age(of: connection), logger: shared.logger)
    session.assemblyBudget = shared.assemblyBudget
  }

  // MARK: Events

  override func handle(_ event: SessionEvent<Call>, _ header: FrameHeader, _ payload: UnsafeRawBufferPointer)
    throws(ProtocolError)
  {
    switch event {
    case .call: try open(header, payload)
    case .message(let call, let message, let cost, let last):
      if let error = overRate(call) { return end(call, error) }
      call.wire.value.record?.requestBytes += message.count
      call.deliver(message, cost: cost)
      if last { call.finishReading() }
      start(call)
    case .halfClosed(let call):
      call.finishReading()
      start(call)
    case .cancelled(let call): stop(call, RPCError(.cancelled, "\(call.method): cancelled by the caller"))
    case .refused(let stream, let call, let error):
      precondition(stream == call.wire.value.stream)
      end(call, error)
    case .none, .ended, .goAway: break
    }
  }

  private func open(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) throws(ProtocolError) {
    guard let route = shared.routes[header.method] else { return try openTask(nil, header, payload) }
    try route.borrowing { (route) throws(ProtocolError) in
      if route.isOnReactor { try answerNow(route, header, payload) } else { try openTask(route, header, payload) }
    }
  }

  private func openTask(
    _ route: Route?, _ header: FrameHeader, _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) {
    let origin = CallContext.Origin(caller, method: route?.method.name ?? hex(header.method), id: header.method)
    var record = CallRecord(context: context(origin, of: route, header, nil), start: arrival)
    do throws(RPCError) {
      if header.metadataBytes > 0 {
        let metadata = try CallMetadata(decoding: header.metadata(of: payload))
        record = CallRecord(context: context(origin, of: route, header, metadata), start: arrival)
      }
      guard let route else {
        throw RPCError(.unimplemented, "this server has no method with id \(hex(header.method))")
      }
      try authorise(route, header)
      try shared.interceptors.begin(record.context, &record.begun)
    } catch {
      return refuse(header, record, error)
    }
    if let route { try take(route, record, header, payload) }
  }

  func refuse(_ header: FrameHeader, _ record: CallRecord, _ error: RPCError) {
    session.pass(header)
    session.refuse(header.stream, StatusCoding.encode(error))
    shared.interceptors.end(record, error)
  }

  /// Takes a call that may be made. Its handler begins at once or, where it needs a place on a pool, with the first request
  /// that has come whole: calls without one must not take the places of others.
  func take(
    _ route: Route, _ record: CallRecord, _ header: FrameHeader, _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) {
    guard session.queuedBytes <= Limits.maximumQueuedAnswerBytes else {
      return refuse(header, record, .unread(session.queuedBytes))
    }
    let context = record.context
    let call = Call(method: route.method.name, deadline: context.deadline.instant, reactor: reactor, side: .server)
    call.wire.value.record = record
    call.wire.value.unstarted = route
    admit(call, header, maximumMessageBytes: route.method.maximumRequestBytes)
    if Session<Call>.carriesMessage(header) {
      try handle(session.take(header, header.body(of: payload)), header, payload)
    }
    if route.pool == nil { start(call) }
  }

  func authorise(_ route: Route, _ header: FrameHeader) throws(RPCError) {
    guard route.callers.contains(RoleSet(connection.peer.role)) else {
      throw RPCError(.permissionDenied, "\(route.method.name): not open to the role \(connection.peer.role.rawValue)")
    }
    if let conflict = caller.conflict { throw RPCError(.permissionDenied, "\(route.method.name): \(conflict)") }
    // Cancelling a call does not make room for another before its handler has noticed.
    guard max(session.streams.count, runningHandlers) < Limits.maximumStreams else {
      throw RPCError(
        .resourceExhausted, "over \(Limits.maximumStreams) calls in flight on one connection; wait for some to end",
        retryAfter: Limits.busyRetryAfter)
    }
    // Other handlers' messages are counted as they come whole.
    if route.isOnReactor, let most = route.maximumMessagesPerSecond,
      let error = rates.take(header.method, most: most, method: route.method.name)
    {
      throw error
    }
  }

  func context(
    _ origin: CallContext.Origin, of route: Route?, _ header: FrameHeader, _ metadata: CallMetadata?
  ) -> CallContext {
    let timeout =
      header.timeoutMilliseconds == 0
      ? route?.timeoutNanoseconds ?? 0 : 1_000_000 * Int64(header.timeoutMilliseconds)
    return CallContext(origin, deadline: arrival.advanced(byNanoseconds: timeout), metadata: metadata)
  }

  /// Counts one more message of the call's method; the error where it is one too many.
  private func overRate(_ call: Call) -> RPCError? {
    // The reactor has counted its own, whoever works on them.
    guard let id = call.wire.value.record?.context.methodID, let route = route(id), !route.isOnReactor,
      let most = route.maximumMessagesPerSecond
    else { return nil }
    return rates.take(id, most: most, method: call.method)
  }

  private func route(_ id: UInt32) -> Route? { shared.routes[id]?.takeUnretainedValue() }

  // MARK: Handlers in tasks

  override var isBusy: Bool { !session.streams.isEmpty || runningHandlers > 0 }

  func admit(_ call: Call, _ header: FrameHeader, maximumMessageBytes: Int) {
    session.admit(header, call, maximumMessageBytes: maximumMessageBytes)
    call.wire.value.host = self
    call.wire.value.stream = header.stream
    call.wire.value.timer = reactor.schedule(after: ContinuousClock.now.duration(to: call.deadline)) { [self] in
      expire(call)
    }
  }

  /// Starts the handler of a call that has not ended, once.
  private func start(_ call: Call) {
    guard let route = call.wire.value.unstarted.take(), let context = call.wire.value.record?.context else { return }
    if let pool = route.pool, !pool.admit() { return end(call, .poolFull(route.method.name)) }
    guard case .task(let place, let handler) = route.handler else {
      preconditionFailure("\(route.method.name) needs no task")
    }
    let (faults, tracer) = (shared.faults, shared.tracer)
    runningHandlers += 1
    shared.registry.runningHandlers.add(1, ordering: .relaxed)
    let body: @Sendable () async -> Void = {
      let outcome = await tracer.run(context) { await Self.run(handler, call, context, faults) }
      call.reactor.execute { self.finish(call, outcome, at: place) }
    }
    call.wire.value.task =
      switch place {
      case .anywhere: Task { await body() }
      case .onReactor: Task(executorPreference: reactor) { await body() }
      case .blocking(let pool): Task(executorPreference: pool) { await body() }
      }
  }

  private static func run(
    _ handler: @Sendable (Call, CallContext) async throws -> [UInt8]?, _ call: Call, _ context: CallContext,
    _ faults: LimitedLog<String>
  ) async -> Result<[UInt8]?, RPCError> {
    do {
      return .success(
        try await CallContext.$inheritedDeadline.withValue(context.deadline.instant) {
          try await handler(call, context)
        })
    } catch let error as RPCError {
      return .failure(error)
    } catch is CancellationError {
      return .failure(RPCError(.cancelled, "\(context.method): cancelled"))
    } catch {
      faults.log(
        .error, "handler failed", of: context.method, ["method": "\(context.method)", "error": "\(error)"])
      return .failure(RPCError(.internal, "\(context.method): internal error; the server's log says more"))
    }
  }

  private func finish(_ call: Call, _ outcome: Result<[UInt8]?, RPCError>, at place: HandlerPlace) {
    runningHandlers -= 1
    shared.registry.runningHandlers.subtract(1, ordering: .relaxed)
    if case .blocking(let pool) = place { pool.leave() }
    call.wire.value.task = nil
    call.end(RPCError(.cancelled, "\(call.method): the handler has returned"), discardingMessages: true)
    let stream = call.wire.value.stream
    guard !isClosed, session.call(stream) != nil else { return }
    switch outcome {
    // Many calls may have been taken before the first of them was answered.
    case .success(.some) where session.queuedBytes > Limits.maximumQueuedAnswerBytes:
      let error = RPCError.unread(session.queuedBytes)
      session.end(stream, StatusCoding.encode(error))
      report(call, error)
    case .success(let response?):
      call.wire.value.sentBytes += response.count
      session.send(stream, response, last: true)
      report(call, nil)
    case .success(nil):
      session.end(stream, StatusCoding.ok)
      report(call, nil)
    case .failure(let error):
      session.end(stream, StatusCoding.encode(error))
      report(call, error)
    }
    pump()
  }

  private func expire(_ call: Call) {
    guard session.call(call.wire.value.stream) != nil else { return }
    end(call, RPCError(.deadlineExceeded, "\(call.method): the deadline passed before the call ended"))
    pump()
  }

  /// Ends a call at once, whatever is queued on its stream.
  private func end(_ call: Call, _ error: RPCError) {
    session.abort(call.wire.value.stream, StatusCoding.encode(error))
    stop(call, error)
  }

  /// Tells the interceptors of a call's end, once.
  private func report(_ call: Call, _ error: RPCError?) {
    guard var record = call.wire.value.record.take() else { return }
    record.responseBytes = call.wire.value.sentBytes
    if let error { return shared.interceptors.end(record, error) }
    shared.interceptors.end(
      record.context, since: record.start, requestBytes: record.requestBytes, responseBytes: record.responseBytes)
  }

  /// Ends a call whose stream is gone.
  private func stop(_ call: Call, _ error: RPCError) {
    report(call, error)
    call.end(error, discardingMessages: true)
    call.wire.value.task?.cancel()
    forget(call)
  }

  // MARK: End of the connection

  /// Takes no more calls, ends those that have no end of their own, and closes when the others have ended.
  func drain(_ reason: String) {
    guard !isDraining, !isClosed else { return }
    isDraining = true
    session.goAway(reason)
    let error = RPCError(.unavailable, "\(reason); ask again on another connection")
    for call in session.streams.values.map(\.call) where isEndless(call) { end(call, error) }
    pump()
    streamEnded()
  }

  private func isEndless(_ call: Call) -> Bool {
    call.wire.value.record.flatMap { route($0.context.methodID) }?.isEndless ?? false
  }

  /// Ends every call in flight with UNAVAILABLE and closes.
  func terminate(_ reason: String) {
    guard !isClosed else { return }
    let error = RPCError(.unavailable, reason)
    for call in session.streams.values.map(\.call) { end(call, error) }
    drain(reason)
  }

  override func retire(_ reason: String) {
    drain(reason)
    reactor.schedule(after: shared.limits.connectionGrace) { [weak self] in self?.terminate(reason) }
  }

  override func streamEnded() {
    guard isDraining, !isClosed, session.streams.isEmpty else { return }
    pump()
    closeGently()
  }

  override func lost(_ calls: [Call], because reason: String) {
    for call in calls { stop(call, RPCError(.cancelled, "\(call.method): \(reason)")) }
    shared.registry.remove(self)
  }
}

extension RPCError {
  fileprivate static func unread(_ bytes: Int) -> RPCError {
    RPCError(
      .resourceExhausted,
      "\(bytes) bytes of answers wait on the connection for credit, over \(Limits.maximumQueuedAnswerBytes); read them first",
      retryAfter: Limits.busyRetryAfter)
  }

  fileprivate static func poolFull(_ method: String) -> RPCError {
    RPCError(
      .resourceExhausted, "\(method): too many such calls are being worked on", retryAfter: Limits.busyRetryAfter)
  }
}

/// A method's id as PROTOCOL.md writes it.
func hex(_ id: UInt32) -> String {
  let digits = String(id, radix: 16)
  return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
}
