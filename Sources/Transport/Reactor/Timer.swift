import Synchronization

/// Something to be done at a time; cancel it from any thread.
public final class Timer: Sendable {
  let due: Moment
  private let job: Mutex<(@Sendable () -> Void)?>

  init(due: Moment, _ job: @escaping @Sendable () -> Void) {
    self.due = due
    self.job = Mutex(job)
  }

  /// Keeps the job from being done, unless it has begun. What the job holds is let go at once.
  public func cancel() { _ = take() }

  /// The job, for whoever asks first.
  func take() -> (@Sendable () -> Void)? { job.withLock { $0.take() } }

  var isCancelled: Bool { job.withLock { $0 == nil } }
}

/// Timers in order of time: a binary heap. Cancelled ones are thrown out when they are many.
struct TimerQueue {
  private static let sweepEvery = 1024
  private var heap: [(due: Moment, timer: Timer)] = []
  private var addedSinceSweep = 0

  /// Complexity: O(log n), amortised over the sweeps.
  mutating func add(_ timer: Timer) {
    addedSinceSweep += 1
    if addedSinceSweep >= max(Self.sweepEvery, heap.count / 2) {
      addedSinceSweep = 0
      heap = heap.filter { !$0.timer.isCancelled }.sorted { $0.due < $1.due }
    }
    heap.append((timer.due, timer))
    var child = heap.count - 1
    while child > 0, case let parent = (child - 1) / 2, heap[child].due < heap[parent].due {
      heap.swapAt(child, parent)
      child = parent
    }
  }

  /// When the next timer is due.
  var nextDue: Moment? { heap.first?.due }

  /// Removes and returns a timer that is due. Complexity: O(log n).
  mutating func popDue(at now: Moment) -> Timer? {
    guard let first = heap.first, first.due <= now else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first.timer }
    heap[0] = last
    var parent = 0
    while true {
      let left = 2 * parent + 1
      guard left < heap.count else { return first.timer }
      let child = left + 1 < heap.count && heap[left + 1].due < heap[left].due ? left + 1 : left
      guard heap[child].due < heap[parent].due else { return first.timer }
      heap.swapAt(child, parent)
      parent = child
    }
  }
}
