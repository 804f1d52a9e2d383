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
  let ingest: ServiceClient

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

  /// Streams events, several batches ahead of ingest's answers, over as many streams as it takes.
  func record(_ next: () throws -> Batch<Event>?, into report: inout ImportReport) async throws {
    try await EventRecorder(ingest, tenant: tenant).record {
      try next().map { ($0.rows, $0.lines) }
    } answered: { response, lines in
      try report.add(response, lines: lines)
    }
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
