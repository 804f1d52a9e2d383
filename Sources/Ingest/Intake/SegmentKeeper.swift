import Commerce
import Logging
import Synchronization

/// Removes segments of the log once every record in them stands in its tenant's database file.
final class SegmentKeeper: Sendable {
  private struct State {
    /// For each segment, each tenant's last record in it that is not known to be in its database file.
    var needed: [UInt32: [TenantID: LogPosition]] = [:]
    var isRetiring = false
  }

  private let folder: String
  private let stores: TenantStores
  private let logger: Logger
  private let state = Mutex(State())

  init(folder: String, stores: TenantStores, logger: Logger) {
    self.folder = folder
    self.stores = stores
    self.logger = logger
  }

  /// Remembers that a segment is there, whatever it holds.
  func note(_ segment: UInt32) { state.withLock { _ = $0.needed[segment, default: [:]] } }

  /// Remembers a record, the last of its tenant so far.
  func note(_ tenant: TenantID, _ position: LogPosition) {
    state.withLock { $0.needed[position.segment, default: [:]][tenant] = position }
  }

  /// Checkpoints the tenants of every segment before `current` and removes the segments that are not needed any more. One
  /// run at a time; a tenant whose database refuses keeps its segments.
  func retire(before current: UInt32) {
    let old: [UInt32: [TenantID: LogPosition]]? = state.withLock { state in
      guard !state.isRetiring else { return nil }
      state.isRetiring = true
      return state.needed.filter { $0.key < current }
    }
    guard let old else { return }
    defer { state.withLock { $0.isRetiring = false } }
    var safe: [TenantID: LogPosition] = [:]
    for (segment, tenants) in old.sorted(by: { $0.key < $1.key }) {
      let isFree = tenants.allSatisfy { tenant, last in
        if safe[tenant] ?? .start < last { safe[tenant] = checkpoint(tenant) }
        return safe[tenant] ?? .start >= last
      }
      if isFree { remove(segment) }
    }
  }

  /// The position up to which the tenant does not need the log.
  private func checkpoint(_ tenant: TenantID) -> LogPosition {
    do {
      return try stores.with(tenant) { store in
        let applied = try store.state().applied
        try store.checkpoint()
        return applied
      }
    } catch IngestError.closed {
      return .start
    } catch {
      logger.error("database is not checkpointed", metadata: ["tenant": "\(tenant)", "error": "\(error)"])
      return .start
    }
  }

  private func remove(_ segment: UInt32) {
    do throws(IngestError) {
      try LogSegment(number: segment, in: folder).remove()
      state.withLock { $0.needed[segment] = nil }
    } catch {
      logger.error("segment is not removed", metadata: ["segment": "\(segment)", "error": "\(error)"])
    }
  }
}
