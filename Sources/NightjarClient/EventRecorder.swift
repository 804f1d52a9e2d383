import Commerce
import Messages
import RPC

/// Streams batches of events to ingest and goes on after lost connections.
///
/// Up to `window` batches are under way at once. When the stream breaks, those without an answer are sent again on another
/// one, in their order: ingest knows an event by its id, so that it never counts twice; what was on disk already is
/// answered as a duplicate. After each stream that broke without an answer, fewer are under way at once, so that a bad
/// connection still gets on.
public struct EventRecorder: Sendable {
  /// Batches under way at once: enough to keep ingest's disk busy.
  private static let window = 16
  /// Streams that may break in a row without the answer to a single batch: the attempts of gRFC A6.
  private static let maximumFailures = 5
  private static let firstPause = Duration.milliseconds(200)
  /// Part of a pause by which it is longer or shorter, so that clients do not come back together.
  private static let jitter = 0.2
  /// A server that wants to be left alone for longer is not waited for.
  private static let longestPause = Duration.seconds(60)

  private let ingest: ServiceClient
  private let tenant: TenantID

  /// Writes as `tenant`.
  public init(_ ingest: ServiceClient, tenant: TenantID) {
    self.ingest = ingest
    self.tenant = tenant
  }

  /// Sends what `next` returns until that is nil, and hands each answer to `answered`, in order, with what `next` said of
  /// the batch. Returns when every batch is answered.
  ///
  /// A batch has at most `IngestService.maximumBatchRows` events. Throws what the closures throw, and the error of a
  /// stream that cannot be gone on with.
  public func record<Batch>(
    _ next: () async throws -> (events: [Event], batch: Batch)?,
    answered: (View<Proto.WriteResponse>, Batch) throws -> Void
  ) async throws {
    var unanswered: [Sent<Batch>] = []
    var isAtEnd = false
    var failures = 0
    while true {
      do {
        try await stream(&unanswered, window: max(1, Self.window >> failures)) {
          guard !isAtEnd, let (events, batch) = try await next() else {
            isAtEnd = true
            return nil
          }
          return Sent(request: try encode(events), batch: batch)
        } answered: {
          failures = 0
          try answered($0, $1)
        }
        return
      } catch let broken as BrokenStream {
        failures += 1
        let pause =
          broken.error.retryAfter
          ?? Self.firstPause * (1 << (failures - 1)) * (1 + .random(in: -Self.jitter...Self.jitter))
        guard failures < Self.maximumFailures, pause <= Self.longestPause, broken.error.isWorthAnotherStream else {
          throw broken.error
        }
        try await Task.sleep(for: pause)
      }
    }
  }

  /// A batch that is on its way.
  private struct Sent<Batch> {
    let request: Encoded<Proto.RecordEventsRequest>
    let batch: Batch
  }

  /// The end of a stream, as against an error of whoever makes the batches.
  private struct BrokenStream: Error {
    let error: RPCError
  }

  private func encode(_ events: [Event]) throws(RPCError) -> Encoded<Proto.RecordEventsRequest> {
    let request = Encoded<Proto.RecordEventsRequest> { draft in
      draft.tenant = tenant.rawValue
      draft.list(\.n_events, \.events, of: events) { $1.fill($0) }
    }
    let limit = IngestService.recordEvents.maximumRequestBytes
    guard request.bytes.count <= limit else {
      throw RPCError(
        .resourceExhausted, "a batch of \(request.bytes.count) bytes, over the limit of \(limit); send fewer events")
    }
    return request
  }

  /// Sends the unanswered batches and all further ones on one stream. What is left in `unanswered` when it breaks has no
  /// answer.
  private func stream<Batch>(
    _ unanswered: inout [Sent<Batch>], window: Int, _ next: () async throws -> Sent<Batch>?,
    answered: (View<Proto.WriteResponse>, Batch) throws -> Void
  ) async throws {
    var stream = try await OpenStream(ingest, tenant)
    defer { stream.cancel() }

    /// Of the unanswered, from the first on, those sent on this stream.
    var sent = 0

    func takeAnswer() async throws {
      let answer = try await stream.nextAnswer()
      guard sent > 0 else { throw RPCError(.internal, "ingest answered a batch that was not sent") }
      sent -= 1
      try answered(answer, unanswered.removeFirst().batch)
    }

    while true {
      if sent == unanswered.count {
        guard let batch = try await next() else { break }
        unanswered.append(batch)
      }
      sent += 1
      let isOpen = await stream.send(unanswered[sent - 1].request)
      // What was answered before the end need not be sent again. The last answer is the error.
      while !isOpen || sent >= window { try await takeAnswer() }
    }
    await stream.finish()
    while !unanswered.isEmpty { try await takeAnswer() }
    await stream.waitForEnd()
  }

  /// One call of RecordEvents whose answers are always being read, so that neither side can wait for the other's credit.
  private struct OpenStream: ~Copyable {
    private typealias Answer = Result<View<Proto.WriteResponse>, RPCError>

    private let call: ClientCall<Proto.RecordEventsRequest, Proto.WriteResponse>
    private let reader: Task<Void, Never>
    private var answers: AsyncStream<Answer>.AsyncIterator

    init(_ ingest: ServiceClient, _ tenant: TenantID) async throws {
      do throws(RPCError) {
        call = try await ingest.stream(IngestService.recordEvents, options: CallOptions(key: tenant.rawValue))
      } catch {
        throw BrokenStream(error: error)
      }
      let (answers, feed) = AsyncStream.makeStream(of: Answer.self)
      self.answers = answers.makeAsyncIterator()
      reader = Task { [responses = call.responses] in
        do throws(RPCError) {
          for try await answer in responses { feed.yield(.success(answer)) }
        } catch {
          feed.yield(.failure(error))
        }
        feed.finish()
      }
    }

    /// False when the stream is over.
    func send(_ request: Encoded<Proto.RecordEventsRequest>) async -> Bool {
      (try? await call.send(request)) != nil
    }

    /// An error here comes as the last answer.
    func finish() async { try? await call.finish() }

    mutating func nextAnswer() async throws -> View<Proto.WriteResponse> {
      guard let answer = await answers.next() else {
        try Task.checkCancellation()
        throw BrokenStream(error: RPCError(.unavailable, "ingest ended the stream before it had answered all of it"))
      }
      do throws(RPCError) {
        return try answer.get()
      } catch {
        try Task.checkCancellation()
        throw BrokenStream(error: error)
      }
    }

    func waitForEnd() async { await reader.value }

    func cancel() { call.cancel() }
  }
}
