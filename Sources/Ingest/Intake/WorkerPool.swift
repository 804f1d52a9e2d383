import Dispatch
import Synchronization

/// A few threads for work that blocks: files and databases. Jobs start in the order in which they come.
final class WorkerPool: Sendable {
  private struct State {
    var jobs: [@Sendable () -> Void] = []
    var next = 0
    var running = 0
  }

  /// Jobs that are done with and still in the list before it is cut.
  private static let finishedJobs = 64

  private let width: Int
  private let queue = DispatchQueue(label: "ingest.workers", attributes: .concurrent)
  private let state = Mutex(State())

  /// At most `width` jobs run at once.
  init(width: Int) {
    self.width = width
  }

  /// Runs a job later, on a thread of the pool.
  func enqueue(_ job: @escaping @Sendable () -> Void) {
    let isToStart = state.withLock { state in
      state.jobs.append(job)
      guard state.running < width else { return false }
      state.running += 1
      return true
    }
    if isToStart { queue.async { self.work() } }
  }

  /// Runs `body` on a thread of the pool and waits for it without blocking.
  func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
      enqueue { continuation.resume(with: Result { try body() }) }
    }
  }

  private func work() {
    while let job = next() { job() }
  }

  private func next() -> (@Sendable () -> Void)? {
    state.withLock { state in
      guard state.next < state.jobs.count else {
        state.jobs = []
        state.next = 0
        state.running -= 1
        return nil
      }
      let job = state.jobs[state.next]
      state.next += 1
      // Lest a pool that never comes to rest keep every job that it ever ran.
      if state.next >= Self.finishedJobs, 2 * state.next >= state.jobs.count {
        state.jobs.removeFirst(state.next)
        state.next = 0
      }
      return job
    }
  }
}
