import Commerce
import Messages
import NightjarClient
import RPC

/// Writes rows to ingest in batches, as one tenant's.
struct Importer: Sendable {
  /// Rows and the lines of the file that they stand on.
  struct Batch<Row: Sendable>: Sendable {
    var rows: [Row] = []
    var lines: [Int] = []

    mutating func add(_ row: Row, line: Int) {
      rows.append(row)
      lines.append(line)
    }
  }

  let tenant: TenantID
  let ingest: Channel

  /// Rows of a batch: well below the frame limit even where every field is at its longest.
  static let batchRows = 1_000
  /// How often in a row a call may fail for want of a connection.
  private static let maximumFailures = 5
  private static let pause = Duration.milliseconds(200)

  /// Writes customers, products or offers. A call that fails for want of a connection is repeated: writing the same row
  /// twice changes nothing.
  func upsert<Row, Q>(
    _ method: Method<Q, Proto.WriteResponse>, _ next: () throws -> Batch<Row>?, into report: inout ImportReport,
    _ fill: (Draft<Q>, [Row]) -> Void
  ) async throws {
    while let batch = try next() {
      let request = Encoded<Q> { fill($0, batch.rows) }
      let response = try await Self.repeating { try await ingest.call(method, request) }
      try report.add(response, lines: batch.lines)
    }
  }

  /// Streams events, up to `window` batches ahead of ingest's answers. After a lost connection the batches without an
  /// answer are sent again: ingest knows an event by its id.
  func record(_ next: () throws -> Batch<Event>?, into report: inout ImportReport) async throws {
    var unanswered: [SentBatch] = []
    var failures = 0
    while true {
      do {
        let call = try await ingest.stream(IngestService.recordEvents)
        var responses = call.responses.makeAsyncIterator()
        for batch in unanswered { try await call.send(batch.request) }
        while let batch = try next().map({ encode($0) }) {
          unanswered.append(batch)
          try await call.send(batch.request)
          guard unanswered.count >= Self.window else { continue }
          try await Self.takeAnswer(of: &unanswered, from: &responses, into: &report)
          failures = 0
        }
        try await call.finish()
        while !unanswered.isEmpty { try await Self.takeAnswer(of: &unanswered, from: &responses, into: &report) }
        return
      } catch let error as RPCError where error.code == .unavailable && failures < Self.maximumFailures {
        failures += 1
        try await Task.sleep(for: Self.pause * (1 << failures))
      }
    }
  }

  /// Batches of events under way at once: enough to keep ingest's disk busy, and few enough that their answers never
  /// wait for credit while ingest waits for ours.
  private static let window = 16

  private struct SentBatch {
    let request: Encoded<Proto.RecordEventsRequest>
    let lines: [Int]
  }

  private func encode(_ batch: Batch<Event>) -> SentBatch {
    let request = Encoded<Proto.RecordEventsRequest> { draft in
      draft.tenant = tenant.rawValue
      draft.list(\.n_events, \.events, of: batch.rows) { $1.fill($0) }
    }
    return SentBatch(request: request, lines: batch.lines)
  }

  private static func takeAnswer(
    of unanswered: inout [SentBatch], from responses: inout IncomingMessages<Proto.WriteResponse>.AsyncIterator,
    into report: inout ImportReport
  ) async throws {
    guard let response = try await responses.next() else {
      throw ConsoleError("\(report.source): ingest ended the stream with \(unanswered.count) batches unanswered")
    }
    try report.add(response, lines: unanswered.removeFirst().lines)
  }

  /// Repeats a call that did not reach the server.
  static func repeating<R>(_ call: () async throws -> R) async throws -> R {
    var failures = 0
    while true {
      do {
        return try await call()
      } catch let error as RPCError where error.code == .unavailable && failures < maximumFailures {
        failures += 1
        try await Task.sleep(for: pause * (1 << failures))
      }
    }
  }
}
