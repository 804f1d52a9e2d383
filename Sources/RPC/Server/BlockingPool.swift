import Dispatch
import Synchronization
import Transport

/// A few threads for work that blocks, and a bounded number of calls that may wait for them.
///
/// Jobs start in the order in which they come. A task that prefers the pool (SE-0417) runs on its threads between
/// suspensions, at most `width` at once. Whoever hands in a job, or asks for room, waits for none of the threads.
public final class BlockingPool: TaskExecutor {
  private let maximumCalls: Int
  private let jobs: PoolJobs
  private let queue: DispatchQueue?
  /// Threads of the pool's own; none where the system's are good enough.
  private let patient: [Reactor]
  private let admitted = Atomic(0)

  /// `width`: jobs at once; `maximumCalls`: calls that run or wait.
  public init(name: String, width: Int, maximumCalls: Int) {
    precondition(width > 0 && maximumCalls >= width, "a pool needs a thread, and room for a call on each")
    self.maximumCalls = maximumCalls
    jobs = PoolJobs(width: width)
    queue = DispatchQueue(label: name, attributes: .concurrent)
    patient = []
  }

  /// A pool for work that computes: its threads give way at once to whatever else wants the processors, reactors above all.
  /// `pausing`: for work without any hurry, which is to disturb least of all.
  public init(
    giveWay name: String, pausing: Bool = false, width: Int, maximumCalls: Int
  ) throws(TransportError) {
    precondition(width > 0 && maximumCalls >= width, "a pool needs a thread, and room for a call on each")
    self.maximumCalls = maximumCalls
    jobs = PoolJobs(width: width)
    queue = nil
    var threads: [Reactor] = []
    for number in 0..<width {
      let thread = try Reactor(name: "\(name)-\(number)")
      thread.giveWay(pausing: pausing)
      threads.append(thread)
    }
    patient = threads
  }

  /// Lets others run, where the calling thread is one of a pool that gives way: to be called at every some ten microseconds of
  /// work, since the system does not take the processor away in time.
  @inline(__always)
  public static func makeWay() { Reactor.makeWay() }

  deinit {
    // The last to hold the pool may be one of its own threads, which cannot wait for itself.
    let threads = patient
    if !threads.isEmpty { DispatchQueue.global().async { for thread in threads { thread.stop() } } }
  }

  /// Calls that run or wait.
  public var calls: Int { admitted.load(ordering: .relaxed) }

  /// Takes a call in; false when there is no room.
  func admit() -> Bool {
    guard admitted.add(1, ordering: .relaxed).oldValue >= maximumCalls else { return true }
    leave()
    return false
  }

  func leave() { admitted.subtract(1, ordering: .relaxed) }

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
    guard jobs.append(job) else { return }
    queue?.async { [jobs] in jobs.work() }
    // Those that are at work already find nothing to begin with when they come to it.
    for thread in patient { thread.execute { [jobs] in jobs.work() } }
  }
}

/// The jobs of a pool, done in the order in which they come, by so many threads at most.
private final class PoolJobs: Sendable {
  private let width: Int
  private let incoming = JobQueue()
  /// What has come in, in its order: for those who do it, who may have to wait for each other.
  private let waiting = Mutex(Queue<JobQueue.Job>())
  /// Jobs that have not ended. Of these, as many are being done as there may be threads, or are about to be.
  private let unfinished = Atomic(0)
  /// Threads that are to begin.
  private let wanted = Atomic(0)

  init(width: Int) { self.width = width }

  /// Hands a job in; whether a thread must begin to work for it.
  func append(_ job: @escaping JobQueue.Job) -> Bool {
    incoming.append(job)
    guard unfinished.add(1, ordering: .acquiringAndReleasing).oldValue < width else { return false }
    wanted.add(1, ordering: .acquiringAndReleasing)
    return true
  }

  /// Does jobs as long as there are more than other threads are at, where a thread is to begin.
  func work() {
    guard begins() else { return }
    repeat {
      next()()
      // A task is many short jobs.
      BlockingPool.makeWay()
    } while unfinished.subtract(1, ordering: .acquiringAndReleasing).oldValue > width
  }

  private func begins() -> Bool {
    var threads = wanted.load(ordering: .acquiring)
    while threads > 0 {
      let (begins, found) = wanted.weakCompareExchange(
        expected: threads, desired: threads - 1, ordering: .acquiringAndReleasing)
      if begins { return true }
      threads = found
    }
    return false
  }

  private func next() -> JobQueue.Job {
    waiting.withLock { waiting in
      if waiting.isEmpty { incoming.takeAll { waiting.append($0) } }
      guard let job = waiting.popFirst() else { preconditionFailure("a thread without a job") }
      return job
    }
  }
}
