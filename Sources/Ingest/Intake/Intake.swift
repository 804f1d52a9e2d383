import Commerce
import Dispatch
import Logging
import Operations
import RPC
import Synchronization

/// Takes in the rows of all tenants: makes them durable in one log, brings them into the tenants' databases, and answers
/// what became of each.
///
/// A group of writes costs one flush, whoever they belong to. A write is answered when it is durable *and* applied, so
/// that a read that begins after the answer sees it, and so that verdicts are given in the one place that knows every
/// row. After a crash, what is in the log and not in the databases is applied at the next start.
public final class Intake: Sendable {
  private struct Submission {
    let tenant: TenantID
    let receivedAt: Timestamp
    /// Nil: nothing but a wait for what came before.
    let rows: Rows?
    let record: LogRecord?
    let pending: PendingWrite
  }

  private struct State {
    var waiting: [Submission] = []
    var isWriting = false
    var isClosed = false
  }

  private let claim: FolderClaim
  private let log: Mutex<IntakeLog>
  private let logEnd: LogEnd
  private let queue = DispatchQueue(label: "ingest.log")
  private let budget = ByteBudget(IngestLimits.bytesInFlight)
  private let pool: BlockingPool
  let stores: TenantStores
  private let lanes: Lanes
  private let keeper: SegmentKeeper
  private let state = Mutex(State())

  /// Claims a folder and brings what its log holds into its databases, of which at most `openDatabases` are open at once.
  ///
  /// Blocks until that is done. Throws `IngestError`, above all where the log is damaged, and `StartError` where the folder
  /// is another process's or cannot be used.
  public convenience init(folder: String, openDatabases: Int, logger: Logger) throws {
    try self.init(
      folder: folder, openDatabases: openDatabases, segmentBytes: IngestLimits.segmentBytes, files: .system,
      logger: logger)
  }

  init(folder: String, openDatabases: Int, segmentBytes: Int, files: FileOperations, logger: Logger) throws {
    claim = try FolderClaim(folder)
    let logFolder = "\(folder)/log"
    try Folder.make(logFolder)
    let last = try LogSegment.all(in: logFolder).last?.number ?? 0
    let logEnd = LogEnd(LogPosition(segment: last, offset: 0))
    self.logEnd = logEnd
    pool = BlockingPool(
      name: "ingest.workers", width: IngestLimits.workers, maximumCalls: IngestLimits.workers)
    stores = try TenantStores(
      folder: "\(folder)/tenants", limit: openDatabases, users: IngestLimits.workers, logger: logger,
      lastSegment: { logEnd.position.segment })
    let replay = LogReplay(folder: logFolder)
    lanes = Lanes(stores: stores, pool: pool, replay: replay, logger: logger)
    keeper = SegmentKeeper(folder: logFolder, stores: stores, logger: logger)
    log = Mutex(IntakeLog(folder: logFolder, after: last, segmentBytes: segmentBytes, files: files))
    try replay.recover(stores, keeper, lanes, logger)
  }

  /// Hands rows over; waits only while too many bytes are in flight. Writes of one task keep their order.
  func begin(_ rows: Rows, tenant: TenantID, receivedAt: Timestamp) async throws(IngestError) -> PendingWrite {
    let record = LogRecord(
      tenant: tenant, kind: rows.kind, receivedAt: receivedAt, payload: rows.payload(tenant: tenant))
    let bytes = record.byteCount
    await budget.take(bytes)
    let pending = PendingWrite(bytes: bytes) { [budget] in budget.giveBack(bytes) }
    try submit(
      Submission(tenant: tenant, receivedAt: receivedAt, rows: rows, record: record, pending: pending))
    return pending
  }

  /// Writes and waits that the log's thread has not taken up yet.
  var waitingCount: Int { state.withLock { $0.waiting.count } }

  /// Runs `body` on a tenant's database, which has every row that was answered before; nil for a tenant without rows.
  func read<R: Sendable>(_ tenant: TenantID, _ body: @escaping @Sendable (TenantStore) throws -> R) async throws -> R? {
    if lanes.isBehind(tenant) { try await settle(tenant) }
    return try await pool.run { [stores] in
      guard stores.exists(tenant) else { return nil }
      return try stores.with(tenant, body)
    }
  }

  /// Refuses further work, and closes the databases when the group that is being written is done.
  public func close() {
    state.withLock { $0.isClosed = true }
    queue.sync {}
    stores.close()
  }

  private func settle(_ tenant: TenantID) async throws {
    let pending = PendingWrite(bytes: 0) {}
    try submit(Submission(tenant: tenant, receivedAt: .epoch, rows: nil, record: nil, pending: pending))
    _ = try await pending.outcome
  }

  private func submit(_ submission: Submission) throws(IngestError) {
    let (isRefused, isToStart) = state.withLock { state in
      if state.isClosed { return (true, false) }
      state.waiting.append(submission)
      let isIdle = !state.isWriting
      state.isWriting = true
      return (false, isIdle)
    }
    guard !isRefused else {
      submission.pending.finish(.failure(.closed))
      throw .closed
    }
    if isToStart { queue.async { self.writeGroups() } }
  }

  /// Runs on the log's queue until nothing waits.
  private func writeGroups() {
    while true {
      let group = state.withLock { state in
        let group = Self.nextGroup(of: state.waiting)
        state.waiting.removeFirst(group.count)
        if group.isEmpty { state.isWriting = false }
        return group
      }
      guard !group.isEmpty else { return }
      write(group)
    }
  }

  private static func nextGroup(of waiting: [Submission]) -> [Submission] {
    var bytes = 0
    let count = waiting.firstIndex { submission in
      guard bytes < IngestLimits.frameBytes else { return true }
      bytes += submission.record?.byteCount ?? 0
      return false
    }
    return Array(waiting.prefix(count ?? waiting.count))
  }

  private func write(_ group: [Submission]) {
    let records = group.compactMap(\.record)
    var positions: ArraySlice<LogPosition> = []
    if !records.isEmpty {
      let before = logEnd.position.segment
      do throws(IngestError) {
        positions = try log.withLock { log throws(IngestError) in
          defer { logEnd.position = log.end }
          return try log.append(records)[...]
        }
      } catch {
        for submission in group { submission.pending.finish(.failure(error)) }
        return
      }
      if logEnd.position.segment != before { beginSegment() }
    }
    for submission in group {
      // What a wait has to see ends where the next record of its group begins: that one is applied, and judged, in its turn.
      let next = positions.first ?? logEnd.position
      let position = submission.record == nil ? next : positions.popFirst() ?? next
      if submission.record != nil { keeper.note(submission.tenant, position) }
      let write = submission.rows.map {
        TenantStore.Write(position: position, receivedAt: submission.receivedAt, rows: $0)
      }
      lanes.enqueue(Lanes.Entry(position: position, write: write, pending: submission.pending), for: submission.tenant)
    }
  }

  private func beginSegment() {
    let current = logEnd.position.segment
    pool.execute { [keeper] in keeper.retire(before: current) }
  }
}
