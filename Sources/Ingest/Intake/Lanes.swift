import Commerce
import Logging
import RPC
import Synchronization

/// Brings durable records into the tenants' databases, each tenant's in the order of the log, tenants side by side.
///
/// A tenant whose database refuses falls behind: its rows stay in the log, and before its next record is applied those
/// that it missed are read from there.
final class Lanes: Sendable {
  /// A record that is durable, or nothing but a wait for those before it.
  struct Entry: Sendable {
    /// Where the record stands, or the end of what stood in the log before the wait.
    let position: LogPosition
    let write: TenantStore.Write?
    let pending: PendingWrite
  }

  private struct State {
    var lanes: [TenantID: [Entry]] = [:]
    var behind: Set<TenantID> = []
  }

  private let stores: TenantStores
  private let pool: BlockingPool
  private let replay: LogReplay
  private let logger: Logger
  private let state = Mutex(State())

  init(stores: TenantStores, pool: BlockingPool, replay: LogReplay, logger: Logger) {
    self.stores = stores
    self.pool = pool
    self.logger = logger
    self.replay = replay
  }

  /// Has the tenant rows in the log that its database refused?
  func isBehind(_ tenant: TenantID) -> Bool { state.withLock { $0.behind.contains(tenant) } }

  /// Marks a tenant whose rows of the log could not be brought into its database.
  func fallBehind(_ tenant: TenantID, _ error: IngestError) {
    state.withLock { _ = $0.behind.insert(tenant) }
    logger.error("rows stay in the log", metadata: ["tenant": "\(tenant)", "error": "\(error)"])
  }

  /// Adds an entry to its tenant's lane. Called in the order of the log.
  func enqueue(_ entry: Entry, for tenant: TenantID) {
    let isNew = state.withLock { state in
      state.lanes[tenant, default: []].append(entry)
      return state.lanes[tenant]?.count == 1
    }
    if isNew { pool.execute { self.work(tenant) } }
  }

  /// Applies what stands in the lane, up to a transaction's worth, then lets other tenants have their turn.
  private func work(_ tenant: TenantID) {
    let batch = state.withLock { state in Self.batch(of: state.lanes[tenant] ?? []) }
    let result: Result<[WriteOutcome], IngestError>
    do throws(IngestError) {
      result = .success(try apply(batch, tenant))
      state.withLock { _ = $0.behind.remove(tenant) }
    } catch {
      fallBehind(tenant, error)
      result = .failure(error)
    }
    let isMore = state.withLock { state in
      state.lanes[tenant]?.removeFirst(batch.count)
      if state.lanes[tenant]?.isEmpty ?? true { state.lanes[tenant] = nil }
      return state.lanes[tenant] != nil
    }
    if isMore { pool.execute { self.work(tenant) } }
    switch result {
    case .success(let outcomes):
      for (entry, outcome) in zip(batch, outcomes) { entry.pending.finish(.success(outcome)) }
    case .failure(let error): for entry in batch { entry.pending.finish(.failure(error)) }
    }
  }

  private static func batch(of lane: [Entry]) -> [Entry] {
    var rows = 0
    let count = lane.firstIndex { entry in
      rows += entry.write?.rows.count ?? 0
      return rows > IngestLimits.rowsPerTransaction
    }
    return Array(lane.prefix(max(1, count ?? lane.count)))
  }

  private func apply(_ batch: [Entry], _ tenant: TenantID) throws(IngestError) -> [WriteOutcome] {
    try stores.with(tenant) { store in
      if isBehind(tenant), let first = batch.first { try catchUp(store, before: first.position) }
      var applied = try store.apply(batch.compactMap(\.write))[...]
      let sequence = applied.isEmpty ? try store.state().sequence : 0
      return batch.map { entry in
        if entry.write != nil, let outcome = applied.popFirst() { return outcome }
        return WriteOutcome(sequence: sequence, verdicts: [])
      }
    }
  }

  private func catchUp(_ store: TenantStore, before end: LogPosition) throws {
    let start = try store.state().applied
    guard start < end else { return }
    try replay.catchUp(store, start..<end)
    logger.notice("tenant has caught up", metadata: ["tenant": "\(store.tenant)"])
  }
}
