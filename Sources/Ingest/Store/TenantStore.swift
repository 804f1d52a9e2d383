import Commerce
import GRDB
import Synchronization

/// The database of one tenant, open. Blocks its caller: for threads of the worker pool only.
final class TenantStore: Sendable {
  /// Rows of one record of the log, for `apply`.
  struct Write: Sendable {
    let position: LogPosition
    let receivedAt: Timestamp
    let rows: Rows
  }

  let tenant: TenantID
  private let queue: DatabaseQueue
  private let interner = Mutex(Interner())

  /// Opens the database, makes it where there is none, and brings its tables up to date.
  init(tenant: TenantID, path: String) throws {
    self.tenant = tenant
    var configuration = Configuration()
    configuration.journalMode = .wal
    configuration.label = "ingest.\(tenant)"
    // Which row references which is the tenant's own affair: events may come before their customer.
    configuration.foreignKeysEnabled = false
    configuration.prepareDatabase { database in
      // Nobody else opens the file, so there is no need for shared memory. The log makes commits durable; SQLite
      // flushes before and after it moves pages to the database, so that a power loss takes whole commits only.
      try database.execute(
        sql: """
          PRAGMA locking_mode = EXCLUSIVE;
          PRAGMA synchronous = NORMAL;
          PRAGMA temp_store = MEMORY;
          PRAGMA cache_size = -\(IngestLimits.pageCacheBytes >> 10);
          PRAGMA wal_autocheckpoint = \(IngestLimits.walPages);
          """)
    }
    queue = try DatabaseQueue(path: path, configuration: configuration)
    try TenantSchema.migrator().migrate(queue)
  }

  /// Counts, freshness, and the applied position.
  func state() throws -> TenantState { try read { try TenantState($0) } }

  /// Writes rows in one transaction, together with the position of their record; records that are in already are passed
  /// over. Returns the verdicts and the sequence after each write.
  func apply(_ writes: [Write]) throws -> [WriteOutcome] {
    try interner.withLock { interner in
      do {
        return try queue.write { database in
          var writer = try RowWriter(database)
          // Lent, not copied.
          swap(&interner, &writer.interner)
          let outcomes = try writes.map { try writer.write($0) }
          swap(&interner, &writer.interner)
          try writer.state.save(database)
          return outcomes
        }
      } catch {
        // Keys that the transaction gave out are gone with it.
        interner = Interner()
        throw error
      }
    }
  }

  /// Runs `body` on one consistent state.
  func read<R>(_ body: (Database) throws -> R) throws -> R { try queue.read(body) }

  /// Moves everything to the database file, flushed, so that the log is not needed for it any more.
  func checkpoint() throws {
    try queue.writeWithoutTransaction { database in _ = try database.checkpoint(.truncate) }
  }

  /// Checkpoints and closes.
  func close() throws {
    try checkpoint()
    try queue.close()
  }
}

/// What became of the rows of one write.
struct WriteOutcome: Sendable {
  /// The tenant's sequence after the write.
  let sequence: UInt64
  /// One for each row.
  let verdicts: [RowVerdict]
}
