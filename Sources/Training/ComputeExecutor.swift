import Dispatch

/// One thread for long computations, so that they never hold up the threads on which leases are renewed.
///
/// Work on it stays part of its task: cancellation reaches it.
final class ComputeExecutor: TaskExecutor {
  private let queue = DispatchQueue(label: "nightjar.compute")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }

  /// Runs a computation on the thread.
  func run<T: Sendable>(_ body: @Sendable () throws -> T) async throws -> T {
    try await withTaskExecutorPreference(self) { try body() }
  }
}
