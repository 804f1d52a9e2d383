import Synchronization

/// Which services of a server take calls; what `nightjar.v1.Health` answers.
public final class HealthBoard: Sendable {
  /// Whether a service takes calls.
  public enum Status: Sendable {
    /// It does.
    case serving
    /// It starts, stops, or lacks what it needs.
    case notServing
  }

  private struct State {
    var statuses: [String: Status] = [:]
    var watchers: [UInt64: (service: String, AsyncStream<Status?>.Continuation)] = [:]
    var nextWatcher: UInt64 = 0
  }
  private let state = Mutex(State())

  /// A board on which the server as a whole, the service without a name, does not serve yet.
  public init() { set(.notServing, for: "") }

  /// Says how a service stands; the one without a name is the server as a whole.
  public func set(_ status: Status, for service: String) {
    state.withLock { state in
      guard state.statuses.updateValue(status, forKey: service) != status else { return }
      // Under the lock, so that watchers hear of two changes in their order.
      for watcher in state.watchers.values where watcher.service == service { watcher.1.yield(status) }
    }
  }

  /// Says how the server as a whole and every service stand.
  public func setAll(_ status: Status) {
    for service in state.withLock({ Array($0.statuses.keys) }) { set(status, for: service) }
  }

  /// How a service stands; nil = there is no such service.
  public func status(of service: String) -> Status? { state.withLock { $0.statuses[service] } }

  /// How a service stands now, then each change; a reader that is slow sees the newest only.
  func changes(of service: String) -> AsyncStream<Status?> {
    AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let watcher = state.withLock { state in
        let watcher = state.nextWatcher
        state.nextWatcher += 1
        state.watchers[watcher] = (service, continuation)
        continuation.yield(state.statuses[service])
        return watcher
      }
      continuation.onTermination = { [weak self] _ in
        self?.state.withLock { _ = $0.watchers.removeValue(forKey: watcher) }
      }
    }
  }

  /// Those who watch. For tests.
  var watchers: Int { state.withLock { $0.watchers.count } }
}
