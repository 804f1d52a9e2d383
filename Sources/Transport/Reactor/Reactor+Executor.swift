import Dispatch

/// A reactor runs tasks that prefer it (SE-0417) on its thread, between the bytes of its connections.
///
/// Such a task must suspend instead of blocking, like everything on a reactor. After `stop()` its tasks go on elsewhere.
extension Reactor: TaskExecutor {
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedTaskExecutor()
    guard !execute({ job.runSynchronously(on: executor) }) else { return }
    // A task that was never run would keep for ever what it holds, and whoever waits for it.
    DispatchQueue.global().async { job.runSynchronously(on: executor) }
  }
}
