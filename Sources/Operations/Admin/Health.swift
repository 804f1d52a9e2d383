import RPC
import Synchronization

/// Whether the process takes calls; what `/health` answers, and `nightjar.v1.Health` with it.
public final class Health: Sendable {
  /// One phase of a process's life.
  public enum State: String, Sendable { case starting, serving, stopping }

  /// The same as its callers see it.
  public let board = HealthBoard()
  /// What is amiss though calls are taken.
  public let remarks = HealthRemarks()
  private let current = Mutex(State.starting)

  /// A process begins as `starting`.
  public init() {}

  /// The phase now.
  public var state: State { current.withLock { $0 } }

  func move(to state: State) {
    current.withLock { $0 = state }
    board.setAll(state == .serving ? .serving : .notServing)
  }
}
