import Dispatch
import Synchronization
import Transport

/// A few threads for work that blocks, and a bounded number of calls that may wait for them.
///
/// Jobs start in the order in which they come. A task that prefers the pool (SE-0417) runs on its threads between
/// suspensions, at most `width` at once.
public final class BlockingPool: TaskExecutor {
  private struct State {
    var jobs: [@Sendable () -> Void] = []
    /// Jobs of the list that have begun.
    var next = 0
    var running = 0
    /// Threads of the pool's own that wait for work.
    var idle: [Int] = []
    var admitted = 0
  }

  /// Jobs begun that may stand in the list before it is cut.
  private static let begunJobs = 64

  private let width: Int
  private let maximumCalls: Int
  private let queue: DispatchQueue?
  /// Threads of the pool's own; none where the system's are good enough.
  private let patient: [Reactor]
  private let state = Mutex(State())

  /// `width`: jobs at once; `maximumCalls`: calls that run or wait.
  public init(name: String, width: Int, maximumCalls: Int) {
    precondition(width > 0 && maximumCalls >= width, "a pool needs a thread, and room for a call on each")
    self.width = width
    self.maximumCalls = maximumCalls
    queue = DispatchQueue(label: name, attributes: .concurrent)
    patient = []
  }

  /// A pool for work that computes: its threads give way at once to whatever else wants the processors, reactors above all.
  public init(giveWay name: String, width: Int, maximumCalls: Int) throws(TransportError) {
    precondition(width > 0 && maximumCalls >= width, "a pool needs a thread, and room for a call on each")
    self.width = width
    self.maximumCalls = maximumCalls
    queue = nil
    var threads: [Reactor] = []
    for number in 0..<width {
      let thread = try Reactor(name: "\(name)-\(number)")
      thread.giveWay()
      threads.append(thread)
    }
    patient = threads
    state.withLock { $0.idle = Array(threads.indices) }
  }

  deinit {
    // The last to hold the pool may be one of its own threads, which cannot wait for itself.
    let threads = patient
    if !threads.isEmpty { DispatchQueue.global().async { for thread in threads { thread.stop() } } }
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
    execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }

  /// Runs `body` on a thread of the pool and waits for it without blocking.
  public func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
      execute { continuation.resume(with: Result(catching: body)) }
    }
  }

  /// Runs a job later, on a thread of the pool.
  public func execute(_ job: @escaping @Sendable () -> Void) {
    let (isFree, thread) = state.withLock { state -> (Bool, Int?) in
      state.jobs.append(job)
      guard state.running < width else { return (false, nil) }
      state.running += 1
      return (true, state.idle.popLast())
    }
    guard isFree else { return }
    if let thread {
      patient[thread].execute { self.work(on: thread) }
    } else {
      queue?.async { self.work(on: nil) }
    }
  }

  private func work(on thread: Int?) {
    while let job = next(for: thread) { job() }
  }

  private func next(for thread: Int?) -> (@Sendable () -> Void)? {
    state.withLock { state in
      guard state.next < state.jobs.count else {
        state.jobs = []
        state.next = 0
        state.running -= 1
        if let thread { state.idle.append(thread) }
        return nil
      }
      let job = state.jobs[state.next]
      state.next += 1
      // Lest a pool that never comes to rest keep every job that it ever ran.
      if state.next >= Self.begunJobs, 2 * state.next >= state.jobs.count {
        state.jobs.removeFirst(state.next)
        state.next = 0
      }
      return job
    }
  }
}
