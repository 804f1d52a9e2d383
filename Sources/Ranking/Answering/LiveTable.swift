import Dispatch
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

  private let current = Atomic(Unmanaged.passRetained(AnswerTable([], isWhole: false)))

  deinit {
    current.load(ordering: .acquiring).release()
  }

  /// To be called on a reactor thread only. Complexity: O(bytes of the name).
  func find(_ tenant: UnsafeRawBufferPointer) -> Found {
    current.load(ordering: .acquiring)._withUnsafeGuaranteedRef { table in
      if let slot = table.find(tenant) { return .tenant(slot) }
      return table.isWhole ? .unknown : .notToldYet
    }
  }

  /// Makes lookups read `table` from now on. `onEveryReactor` runs a job once on each reactor that may be reading.
  func replace(with table: AnswerTable, onEveryReactor: (@escaping @Sendable () -> Void) -> Void) {
    let old = current.exchange(Unmanaged.passRetained(table), ordering: .acquiringAndReleasing)
    let retired = RetiredTable(old.takeRetainedValue())
    onEveryReactor { retired.pass() }
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
