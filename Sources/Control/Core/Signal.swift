import Synchronization

/// Wakes whoever waits for something to change.
final class Signal: Sendable {
  private struct State {
    var count: UInt64 = 0
    var isClosed = false
    var nextWaiter: UInt64 = 0
    var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
  }

  private let state = Mutex(State())

  /// How often it rang; read it before looking, then wait past it.
  var count: UInt64 { state.withLock { $0.count } }

  /// Whether it was closed: there is nothing to wait for any more.
  var isClosed: Bool { state.withLock { $0.isClosed } }

  /// Wakes everybody, and lets nobody wait again.
  func close() {
    state.withLock { $0.isClosed = true }
    ring()
  }

  /// Wakes everybody.
  func ring() {
    let waiters = state.withLock { state in
      state.count += 1
      defer { state.waiters = [:] }
      return state.waiters
    }
    for waiter in waiters.values { waiter.resume() }
  }

  /// Returns once it has rung more than `count` times or was closed, after `timeout`, or when the task is cancelled.
  func wait(past count: UInt64, atMost timeout: Duration) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.wait(past: count) }
      group.addTask { try? await Task.sleep(for: timeout) }
      await group.next()
      group.cancelAll()
    }
  }

  private func wait(past count: UInt64) async {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          guard state.count <= count, !state.isClosed, !Task.isCancelled else { return true }
          state.waiters[id] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
    }
  }
}
