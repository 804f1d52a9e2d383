import Logging
import Messages
import NightjarClient
import RPC

/// Streams the snapshot that a lease names, taking it up again where a broken stream left off.
struct SnapshotReader: Sendable {
  private static let firstPause = Duration.milliseconds(200)

  let ingest: ServiceClient
  let lease: Lease
  let keeper: LeaseKeeper
  let logger: Logger

  /// Reads the whole snapshot. Throws `snapshot` when it is unsound or will not come, or the RPC's error.
  func read() async throws -> TenantData {
    var builder = SnapshotBuilder(asOf: lease.cuts.served)
    var failures = 0
    var pause = Self.firstPause
    while !builder.isComplete {
      var isMoving = false
      do {
        try await stream(into: &builder, isMoving: &isMoving)
        guard builder.isComplete else { throw RPCError(.unavailable, "the stream ended before its last chunk") }
      } catch let error as RPCError where error.isWorthRetrying {
        if isMoving { (failures, pause) = (0, Self.firstPause) }
        failures += 1
        guard failures < Limits.snapshotAttempts else { throw error }
        logger.warning("snapshot stream broken, resuming", metadata: ["error": "\(error)"])
        try await Task.sleep(for: pause)
        pause = pause * 2
      }
    }
    return try builder.build()
  }

  /// One stream, from where the builder stands.
  private func stream(into builder: inout SnapshotBuilder, isMoving: inout Bool) async throws {
    let call = try await ingest.stream(IngestService.streamSnapshot)
    let resume = builder.resume
    let grant = keeper.grant
    try await call.sendOnly { request in
      request.tenant = lease.tenant.rawValue
      request.as_of_us = lease.cuts.served
      request.watermark = lease.watermark
      request.message(\.grant) {
        $0.grant = grant.grant
        $0.signature = grant.signature
        $0.certificate = grant.certificate
      }
      guard let resume else { return }
      request.message(\.resume) {
        $0.watermark = resume.watermark
        $0.table = resume.table
        $0.key = resume.key
      }
    }
    for try await chunk in call.responses {
      try builder.add(chunk)
      isMoving = true
    }
  }
}
