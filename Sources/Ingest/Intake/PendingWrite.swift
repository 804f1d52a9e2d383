import Synchronization

/// A write on its way: its outcome comes once, and one task waits for it.
final class PendingWrite: Sendable {
  private enum State {
    case open
    case awaited(CheckedContinuation<WriteOutcome, any Error>)
    case done(Result<WriteOutcome, IngestError>)
  }

  private let state = Mutex(State.open)
  /// What it counts for while it is in flight.
  let bytes: Int
  private let onFinish: @Sendable () -> Void

  /// `onFinish` runs once, when the write is settled.
  init(bytes: Int, onFinish: @escaping @Sendable () -> Void) {
    self.bytes = bytes
    self.onFinish = onFinish
  }

  /// Waits until the rows are durable and judged.
  var outcome: WriteOutcome {
    get async throws {
      try await withCheckedThrowingContinuation { continuation in
        let result: Result<WriteOutcome, IngestError>? = state.withLock { state in
          if case .done(let result) = state { return result }
          state = .awaited(continuation)
          return nil
        }
        if let result { continuation.resume(with: result) }
      }
    }
  }

  /// Settles the write.
  func finish(_ result: Result<WriteOutcome, IngestError>) {
    let continuation: CheckedContinuation<WriteOutcome, any Error>? = state.withLock { state in
      guard case .awaited(let continuation) = state else {
        state = .done(result)
        return nil
      }
      return continuation
    }
    onFinish()
    continuation?.resume(with: result)
  }
}
