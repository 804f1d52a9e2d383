import Commerce
import Messages
import NightjarClient
import RPC

extension IngestHandlers {
  private struct Batch: Sendable {
    let rows: CheckedRows<Event>
    let pending: PendingWrite?
    let tenant: TenantID

    /// About what it takes in memory until it is answered, rejected rows included.
    var bytes: Int { (pending?.bytes ?? 0) + (rows.count + 1) * 256 }
  }

  /// Takes batches while earlier ones are being written, and answers each in its turn.
  func recordEvents(
    _ requests: Requests<Proto.RecordEventsRequest>, _ responses: Responses<Proto.WriteResponse>,
    _ context: CallContext
  ) async throws {
    let window = ByteBudget(IngestLimits.streamBytesInFlight)
    let (batches, feed) = AsyncStream.makeStream(of: Batch.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        var failure: (any Error)?
        for await batch in batches {
          // Goes on after a failure, because the reader waits for what is given back.
          if failure == nil {
            do {
              try await responses.send(batch.rows.response(try await outcome(batch.pending, batch.tenant)))
            } catch {
              failure = error
            }
          }
          window.giveBack(batch.bytes)
        }
        if let failure { throw failure }
      }
      // What was taken before a bad request is still answered.
      var failure: (any Error)?
      do {
        try await read(requests, context, window) { feed.yield($0) }
      } catch {
        failure = error
      }
      feed.finish()
      try await group.waitForAll()
      if let failure { throw failure }
    }
  }

  private func read(
    _ requests: Requests<Proto.RecordEventsRequest>, _ context: CallContext, _ window: ByteBudget,
    _ take: (Batch) -> Void
  ) async throws {
    var streamTenant: TenantID?
    for try await request in requests {
      let tenant = try authorise(request.tenant, context)
      guard tenant == streamTenant ?? tenant else {
        throw RPCError(.invalidArgument, "tenant changed within a stream; open one stream for each tenant")
      }
      streamTenant = tenant
      let views = request.list(\.n_events, \.events)
      try checkCount(views.count)
      let latest = clock() + Limits.eventLead
      let rows = CheckedRows(views) { view throws(InvalidField) in
        let event = try Event(validating: view)
        guard event.occurredAt <= latest else {
          throw InvalidField(
            field: "occurred_at_us", reason: "is \(event.occurredAt), over a day past now; up to \(latest) is admitted")
        }
        return event
      }
      let pending = try await begin(.events(rows.valid), tenant)
      let batch = Batch(rows: rows, pending: pending, tenant: tenant)
      take(batch)
      await window.take(batch.bytes)
    }
  }

  /// Sends the snapshot that control granted, from its start or behind a resume token.
  func streamSnapshot(
    _ requests: Requests<Proto.StreamSnapshotRequest>, _ responses: Responses<Proto.SnapshotChunk>,
    _ context: CallContext
  ) async throws {
    var iterator = requests.makeAsyncIterator()
    guard let request = try await iterator.next() else {
      throw RPCError(.invalidArgument, "no request")
    }
    let tenant = try authorise(request.tenant, context)
    try grants.check(request, from: context.peer, now: clock())
    let range = SnapshotRange(asOf: Timestamp(microseconds: request.as_of_us), watermark: request.watermark)
    let cursor: SnapshotCursor
    do {
      cursor =
        try request.resume.map { token throws(InvalidField) in
          try SnapshotCursor(validating: token, watermark: range.watermark)
        } ?? .start
    } catch {
      throw RPCError(error)
    }
    let sequence = try await reading(tenant) { try $0.state().sequence } ?? 0
    guard range.watermark <= sequence else {
      throw RPCError(
        .failedPrecondition,
        "tenant '\(tenant)' has rows up to sequence \(sequence), not up to the watermark \(range.watermark)")
    }
    guard var reader = try await reading(tenant, { try $0.read { try SnapshotReader(range, from: cursor, $0) } }) else {
      return try await responses.send(SnapshotReader.empty(range))
    }
    while !reader.isAtEnd {
      let step = try await reading(tenant) { [reader] store in
        var reader = reader
        let chunk = try store.read { try reader.next($0) }
        return (chunk, reader)
      }
      guard let (chunk, next) = step else { throw RPCError(.dataLoss, "the tenant's database is gone") }
      reader = next
      try await responses.send(chunk)
    }
  }
}
