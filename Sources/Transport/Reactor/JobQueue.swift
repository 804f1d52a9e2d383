import Synchronization

/// Jobs that any number of threads hand in and one at a time takes out; nobody ever waits for another.
///
/// A thread that gives way may lose the processor anywhere, and on a busy machine for long. Were it to hold a lock then, a
/// reactor that wants the lock would wait as long. Here a job is handed in by swapping the head of a list, and all are taken
/// out the same way. Source: Treiber, "Systems programming: coping with parallelism", 1986.
public final class JobQueue: Sendable {
  /// What is to be done.
  public typealias Job = @Sendable () -> Void

  private final class Node: @unchecked Sendable {
    // Sendable, because it belongs to the thread that hands it in, and after that to the one that takes it out.
    let job: Job
    var next: Unmanaged<Node>?

    init(_ job: @escaping Job) { self.job = job }
  }

  /// The newest, which leads to those before it.
  private let head = Atomic<Unmanaged<Node>?>(nil)
  /// What stands there when the queue is closed.
  private let closed = Node {}

  /// A queue without jobs.
  public init() {}

  deinit {
    if !isClosed(head.load(ordering: .acquiring)) { takeAll { _ in } }
  }

  /// Nothing is in it now.
  public var isEmpty: Bool { head.load(ordering: .sequentiallyConsistent) == nil }

  /// Hands a job in; false where the queue is closed, and the job let go. Complexity: O(1), and again for each thread that is
  /// quicker at this very moment.
  @discardableResult
  public func append(_ job: @escaping Job) -> Bool {
    let node = Unmanaged.passRetained(Node(job))
    var newest = head.load(ordering: .acquiring)
    while !isClosed(newest) {
      node._withUnsafeGuaranteedRef { $0.next = newest }
      let (isIn, found) = head.weakCompareExchange(
        expected: newest, desired: node, ordering: .sequentiallyConsistent)
      if isIn { return true }
      newest = found
    }
    node.release()
    return false
  }

  /// Takes out what is in it, and hands out one after the other, the oldest first. For one thread at a time.
  public func takeAll(_ body: (@escaping Job) -> Void) {
    var newest = head.exchange(nil, ordering: .acquiringAndReleasing)
    precondition(!isClosed(newest), "jobs are taken out of a closed queue")
    var oldest: Unmanaged<Node>?
    while let node = newest {
      newest = node._withUnsafeGuaranteedRef { $0.next }
      node._withUnsafeGuaranteedRef { $0.next = oldest }
      oldest = node
    }
    while let node = oldest?.takeRetainedValue() {
      oldest = node.next
      body(node.job)
    }
  }

  /// Lets nothing in any more, unless something is in it; then nothing happens, and it is false. For whoever takes jobs out.
  public func close() -> Bool {
    head.compareExchange(expected: nil, desired: .passUnretained(closed), ordering: .acquiringAndReleasing).exchanged
  }

  private func isClosed(_ node: Unmanaged<Node>?) -> Bool {
    node?.toOpaque() == Unmanaged.passUnretained(closed).toOpaque()
  }
}
