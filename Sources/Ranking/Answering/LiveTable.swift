import Dispatch
import RPC
import Synchronization

/// The one reference that a swap replaces: which table lookups read now.
///
/// Readers are handlers on reactor threads. They take no lock and count no reference; they load one pointer. A replaced
/// table is freed when every reactor has come round once since (quiescent-state-based reclamation: McKenney and Slingwine,
/// "Read-copy update", 1998): a handler runs to its end before its reactor takes the next job, so none can still hold it.
final class LiveTable: Sendable {
  /// What a lookup finds under a tenant's name.
  enum Found {
    /// Good until the handler that asked returns.
    case tenant(UnsafePointer<TenantSlot>)
    /// Control knows no such tenant.
    case unknown
    /// Control has not yet said which tenants there are.
    case notToldYet
  }

  private let current: Atomic<Unmanaged<AnswerTable>>
  /// The same once more, for readers that are no reactor.
  private let shared: Mutex<AnswerTable>

  init() {
    let table = AnswerTable([], isWhole: false)
    current = Atomic(Unmanaged.passRetained(table))
    shared = Mutex(table)
  }

  deinit {
    current.load(ordering: .acquiring).release()
  }

  /// To be called on a reactor thread only. Complexity: O(bytes of the name).
  func find(_ tenant: UnsafeRawBufferPointer) -> Found {
    current.load(ordering: .acquiring)._withUnsafeGuaranteedRef { $0.found(tenant) }
  }

  /// Runs `body` with the table as it is now, on any thread; what it finds there is good until it returns.
  func held<R>(_ body: (borrowing Held) throws(RPCError) -> R) throws(RPCError) -> R {
    try body(Held(table: shared.withLock { $0 }))
  }

  /// A table that stays while this does.
  struct Held: ~Copyable {
    fileprivate let table: AnswerTable

    /// Complexity: O(bytes of the name).
    func find(_ tenant: UnsafeRawBufferPointer) -> Found { table.found(tenant) }
  }

  /// Makes lookups read `table` from now on. `onEveryReactor` runs a job once on each reactor that may be reading.
  func replace(with table: AnswerTable, onEveryReactor: (@escaping @Sendable () -> Void) -> Void) {
    shared.withLock { $0 = table }
    let old = current.exchange(Unmanaged.passRetained(table), ordering: .acquiringAndReleasing)
    let retired = RetiredTable(old.takeRetainedValue())
    onEveryReactor { retired.pass() }
  }
}

extension AnswerTable {
  fileprivate func found(_ tenant: UnsafeRawBufferPointer) -> LiveTable.Found {
    if let slot = find(tenant) { return .tenant(slot) }
    return isWhole ? .unknown : .notToldYet
  }
}

/// Held by one job on each reactor; when the last of them is done with, so is the table.
private final class RetiredTable: Sendable {
  private let table: AnswerTable

  init(_ table: AnswerTable) {
    self.table = table
  }

  func pass() {}

  deinit {
    // Unmapping lists takes time that a reactor has not got.
    let table = table
    DispatchQueue.global(qos: .utility).async { withExtendedLifetime(table) {} }
  }
}
