import Synchronization

/// A bounded number of bytes that tasks take and give back; who finds too few left waits in line.
final class ByteBudget: Sendable {
  private struct State {
    var left: Int
    var waiting: [(bytes: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let limit: Int
  private let state: Mutex<State>

  init(_ limit: Int) {
    self.limit = limit
    state = Mutex(State(left: limit))
  }

  /// Waits for `bytes`; more than the whole budget counts as the whole.
  func take(_ bytes: Int) async {
    await withCheckedContinuation { continuation in
      let isGranted = state.withLock { state in
        guard state.waiting.isEmpty, state.left >= min(bytes, limit) else {
          state.waiting.append((min(bytes, limit), continuation))
          return false
        }
        state.left -= min(bytes, limit)
        return true
      }
      if isGranted { continuation.resume() }
    }
  }

  /// Gives back what `take` took.
  func giveBack(_ bytes: Int) {
    let granted = state.withLock { state in
      state.left += min(bytes, limit)
      var granted: [CheckedContinuation<Void, Never>] = []
      while let first = state.waiting.first, state.left >= first.bytes {
        state.left -= first.bytes
        granted.append(first.continuation)
        state.waiting.removeFirst()
      }
      return granted
    }
    for continuation in granted { continuation.resume() }
  }
}
