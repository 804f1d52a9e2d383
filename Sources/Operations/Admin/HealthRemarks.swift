import Synchronization

/// What is amiss in a process that takes calls all the same: lines of `/health` behind its state.
public final class HealthRemarks: Sendable {
  private let sources = Mutex<[@Sendable () -> String?]>([])

  init() {}

  /// Asks `remark` whenever somebody asks for the health; nil = nothing is amiss.
  public func add(_ remark: @escaping @Sendable () -> String?) {
    sources.withLock { $0.append(remark) }
  }

  /// What is amiss now.
  var lines: [String] { sources.withLock { $0 }.compactMap { $0() } }
}
