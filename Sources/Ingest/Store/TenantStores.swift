import Commerce
import Glibc
import Logging
import Synchronization

/// The databases of all tenants, of which a bounded number is open: the one that was not used for longest makes room.
///
/// Opening and closing happen under one lock, so that a file is never open twice and the bound is strict.
final class TenantStores: Sendable {
  private struct Entry {
    let store: TenantStore
    var users = 0
    var lastUse: UInt64 = 0
  }

  private struct State {
    var open: [TenantID: Entry] = [:]
    var uses: UInt64 = 0
    var isClosed = false
  }

  private let folder: String
  private let limit: Int
  private let logger: Logger
  private let lastSegment: @Sendable () -> UInt32
  private let state = Mutex(State())
  private static let suffix = ".sqlite"

  /// At most `limit` databases of `folder` are open at once; at most `users` threads use one at a time. A database that
  /// holds records of segments past `lastSegment` belongs to another log and is refused.
  init(
    folder: String, limit: Int, users: Int, logger: Logger, lastSegment: @escaping @Sendable () -> UInt32
  ) throws(IngestError) {
    precondition(limit > users, "\(limit) open databases do not leave room for \(users) users")
    self.folder = folder
    self.limit = limit
    self.logger = logger
    self.lastSegment = lastSegment
    try Folder.make(folder)
  }

  /// Number of databases open.
  var openCount: Int { state.withLock { $0.open.count } }

  /// Does the tenant have a database?
  func exists(_ tenant: TenantID) -> Bool { access(path(tenant), F_OK) == 0 }

  /// Runs `body` on the tenant's database, opened or made if need be.
  func with<R>(_ tenant: TenantID, _ body: (TenantStore) throws -> R) throws(IngestError) -> R {
    let store = try acquire(tenant)
    defer { release(tenant) }
    do {
      return try body(store)
    } catch {
      throw IngestError(error, tenant: tenant)
    }
  }

  /// Closes all databases; later use fails.
  func close() {
    state.withLock { state in
      state.isClosed = true
      for entry in state.open.values { close(entry.store) }
      state.open = [:]
    }
  }

  private func path(_ tenant: TenantID) -> String { "\(folder)/\(tenant)\(Self.suffix)" }

  private func acquire(_ tenant: TenantID) throws(IngestError) -> TenantStore {
    try state.withLock { state throws(IngestError) in
      guard !state.isClosed else { throw .closed }
      if state.open[tenant] == nil {
        makeRoom(&state)
        state.open[tenant] = Entry(store: try open(tenant))
      }
      state.uses += 1
      state.open[tenant]?.users += 1
      state.open[tenant]?.lastUse = state.uses
      guard let entry = state.open[tenant] else { throw .closed }
      return entry.store
    }
  }

  private func release(_ tenant: TenantID) {
    state.withLock { $0.open[tenant]?.users -= 1 }
  }

  private func makeRoom(_ state: inout State) {
    guard state.open.count >= limit else { return }
    let idle = state.open.filter { $0.value.users == 0 }
    guard let victim = idle.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return }
    close(victim.value.store)
    state.open[victim.key] = nil
  }

  private func open(_ tenant: TenantID) throws(IngestError) -> TenantStore {
    let path = path(tenant)
    do {
      if !exists(tenant) {
        try Folder.makeFile(path)
        try Folder.synchronise(folder)
      }
      let store = try TenantStore(tenant: tenant, path: path)
      let applied = try store.state().applied
      guard applied.segment <= lastSegment() else {
        throw IngestError.databaseAhead(tenant: tenant.rawValue, applied: applied)
      }
      return store
    } catch {
      throw IngestError(error, tenant: tenant)
    }
  }

  private func close(_ store: TenantStore) {
    do {
      try store.close()
    } catch {
      // What it could not move to the database stays in its write-ahead log.
      logger.error("database does not close", metadata: ["tenant": "\(store.tenant)", "error": "\(error)"])
    }
  }
}
