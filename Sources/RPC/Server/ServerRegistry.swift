import Synchronization
import Transport

/// The open connections of a server, and whoever waits for the last of them to go.
final class ServerRegistry: Sendable {
  private struct State {
    var connections: [ObjectIdentifier: ServerConnection] = [:]
    var closingReason: String?
    var waiter: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State())
  /// Handlers in tasks that have not returned.
  let runningHandlers = Atomic<Int>(0)

  /// Takes a new connection in; returns why it must go away at once, if it must.
  func add(_ connection: ServerConnection) -> String? {
    state.withLock {
      $0.connections[ObjectIdentifier(connection)] = connection
      return $0.closingReason
    }
  }

  func remove(_ connection: ServerConnection) {
    let waiter = state.withLock { state in
      state.connections[ObjectIdentifier(connection)] = nil
      return state.connections.isEmpty ? state.waiter.take() : nil
    }
    waiter?.resume()
  }

  /// From now on every connection goes away; returns those that there are.
  func close(_ reason: String) -> [ServerConnection] {
    state.withLock {
      $0.closingReason = reason
      return Array($0.connections.values)
    }
  }

  /// Waits until no connection is left, at most for `time`.
  func waitUntilEmpty(atMost time: Duration, on reactor: Reactor) async {
    await withCheckedContinuation { continuation in
      let isEmpty = state.withLock { state in
        if !state.connections.isEmpty { state.waiter = continuation }
        return state.connections.isEmpty
      }
      guard !isEmpty else { return continuation.resume() }
      reactor.execute {
        _ = reactor.schedule(after: time) { self.state.withLock { $0.waiter.take() }?.resume() }
      }
    }
  }
}
