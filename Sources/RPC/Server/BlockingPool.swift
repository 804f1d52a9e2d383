import Dispatch
import Synchronization

/// A few threads for work that blocks, and a bounded number of calls that may wait for them.
///
/// A task that prefers the pool (SE-0417) runs on its threads between suspensions, at most `width` at once.
public final class BlockingPool: TaskExecutor {
  private struct State {
    var jobs: [UnownedJob] = []
    /// Jobs of the list that are done.
    var next = 0
    var running = 0
    var admitted = 0
  }

  /// Jobs done that may stand in the list before it is cut.
  private static let doneJobs = 64

  private let width: Int
  private let maximumCalls: Int
  private let queue: DispatchQueue
  private let state = Mutex(State())

  /// `width`: jobs at once; `maximumCalls`: calls that run or wait.
  public init(name: String, width: Int, maximumCalls: Int) {
    precondition(width > 0 && maximumCalls >= width, "a pool needs a thread, and room for a call on each")
    self.width = width
    self.maximumCalls = maximumCalls
    queue = DispatchQueue(label: name, attributes: .concurrent)
  }

  /// Calls that run or wait.
  public var calls: Int { state.withLock { $0.admitted } }

  /// Takes a call in; false when there is no room.
  func admit() -> Bool {
    state.withLock { state in
      guard state.admitted < maximumCalls else { return false }
      state.admitted += 1
      return true
    }
  }

  func leave() { state.withLock { $0.admitted -= 1 } }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let isFree = state.withLock { state in
      state.jobs.append(job)
      guard state.running < width else { return false }
      state.running += 1
      return true
    }
    if isFree { queue.async { self.work() } }
  }

  private func work() {
    while let job = next() { job.runSynchronously(on: asUnownedTaskExecutor()) }
  }

  private func next() -> UnownedJob? {
    state.withLock { state in
      guard state.next < state.jobs.count else {
        state.jobs = []
        state.next = 0
        state.running -= 1
        return nil
      }
      let job = state.jobs[state.next]
      state.next += 1
      if state.next >= Self.doneJobs, 2 * state.next >= state.jobs.count {
        state.jobs.removeFirst(state.next)
        state.next = 0
      }
      return job
    }
  }
}
