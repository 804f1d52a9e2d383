import Synchronization

/// Bytes of unfinished messages that all connections of a server may hold together: clients that begin messages and do
/// not end them share it, whoever they are and however many connections they make.
final class AssemblyBudget: Sendable {
  private let left: Atomic<Int>

  /// A budget of so many bytes.
  init(bytes: Int) { left = Atomic(bytes) }

  /// Takes `bytes`; false, and takes nothing, where so many are not left.
  func take(_ bytes: Int) -> Bool {
    guard left.subtract(bytes, ordering: .relaxed).newValue < 0 else { return true }
    giveBack(bytes)
    return false
  }

  func giveBack(_ bytes: Int) { left.add(bytes, ordering: .relaxed) }
}

extension RPCError {
  static let assemblyBudgetSpent = RPCError(
    .resourceExhausted, "too many bytes of unfinished messages at the server", retryAfter: Limits.busyRetryAfter)
}
