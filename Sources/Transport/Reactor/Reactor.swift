import CThreads
import CTransport
import Glibc
import Synchronization

/// One thread that waits for many descriptors, timers and jobs, and does what each asks for: an event loop on epoll.
///
/// Whatever belongs to a connection happens on its reactor's thread, so none of it needs a lock. Nothing that runs on a
/// reactor may block. A reactor runs until `stop()`.
public final class Reactor: Sendable {
  private static let eventsAWait = 256

  let loop: Loop
  private let epoll: Descriptor
  private let alarm: Alarm
  private let wakeUp: Descriptor
  /// Closed once the thread has ended: what is handed in then is let go at once, with all that it holds.
  private let jobs = JobQueue()
  /// The thread waits for events, or is about to, and sees no job before it is woken.
  private let isWaiting = Atomic<Bool>(false)
  private let isStopping = Atomic<Bool>(false)
  private let thread = Atomic<UInt>(0)
  let unsent = Atomic<Int>(0)

  /// Bytes that wait in its connections because the peers' sockets take no more. May be read from any thread.
  public var unsentBytes: Int { unsent.load(ordering: .relaxed) }

  /// Starts the thread. `name`: up to 15 bytes, for `top` and debuggers.
  public init(name: String) throws(TransportError) {
    _ = Self.brokenPipesAreErrors
    let epoll = try Descriptor(epoll_create1(Int32(EPOLL_CLOEXEC)), operation: "epoll_create1")
    wakeUp = try Descriptor(eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)), operation: "eventfd")
    self.epoll = epoll
    loop = Loop(epoll: epoll)
    alarm = try Alarm()
    guard nj_epoll_control(epoll.raw, EPOLL_CTL_ADD, wakeUp.raw, EPOLLIN.rawValue, nil) == 0 else {
      throw .system("epoll_ctl")
    }
    try alarm.watch(in: loop)
    var id = pthread_t()
    let code = pthread_create(
      &id, nil,
      { reactor in
        let reactor = Unmanaged<Reactor>.fromOpaque(reactor.unsafelyUnwrapped).takeRetainedValue()
        reactor.run()
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    guard code == 0 else {
      Unmanaged.passUnretained(self).release()
      throw .system(operation: "pthread_create", errno: code)
    }
    thread.store(UInt(id), ordering: .releasing)
    execute { nj_name_thread(String(name.prefix(15))) }
  }

  /// A write to a peer that is gone must be an error of that connection, not the end of the process.
  private static let brokenPipesAreErrors: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

  /// Whether the caller is on this reactor's thread.
  public var isCurrent: Bool { UInt(pthread_self()) == thread.load(ordering: .acquiring) }

  /// Runs the job on the reactor's thread, soon, after the jobs handed in before. After `stop()` it is dropped; false
  /// then.
  @discardableResult
  public func execute(_ job: @escaping @Sendable () -> Void) -> Bool {
    guard jobs.append(job) else { return false }
    // Everybody wakes it, not the first alone, who may give way to others in between, and for long.
    if isWaiting.load(ordering: .sequentiallyConsistent), !isCurrent { wake() }
    return true
  }

  /// Runs the job on the reactor's thread, at the earliest after `delay` and, unless the thread is busy, within a
  /// millisecond of it.
  @discardableResult
  public func schedule(after delay: Duration, _ job: @escaping @Sendable () -> Void) -> Timer {
    let timer = Timer(due: Moment.now.advanced(byNanoseconds: delay.nanoseconds), job)
    if isCurrent { loop.timers.add(timer) } else { execute { [loop] in loop.timers.add(timer) } }
    return timer
  }

  /// Lets others run, where the calling thread gives way.
  public static func makeWay() { nj_make_way() }

  /// Has the thread give way to every other at once, from now on. `pausing`: for work without any hurry, which sleeps for a
  /// moment wherever it is to make way, so that the system never thinks that it has waited for long enough.
  public func giveWay(pausing: Bool = false) { execute { nj_lower_priority(pausing) } }

  /// Closes every connection and ends the thread; returns when it has ended. Not to be called on the thread itself.
  public func stop() {
    precondition(!isCurrent, "a reactor cannot wait for itself")
    guard !isStopping.exchange(true, ordering: .acquiringAndReleasing) else { return }
    wake()
    pthread_join(pthread_t(thread.load(ordering: .acquiring)), nil)
    // The system may give the id to another thread now.
    thread.store(0, ordering: .releasing)
  }

  private func wake() {
    var one: UInt64 = 1
    write(wakeUp.raw, &one, MemoryLayout<UInt64>.size)
  }

  private func run() {
    thread.store(UInt(pthread_self()), ordering: .releasing)
    let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: Self.eventsAWait)
    defer { events.deallocate() }
    nj_shorten_slice()
    nj_keep_blocks(true)
    defer { nj_keep_blocks(false) }
    var patience = Patience()
    while !isStopping.load(ordering: .acquiring) {
      alarm.set(for: loop.timers.nextDue)
      let poll = { epoll_wait(self.epoll.raw, events.baseAddress, Int32(events.count), $0) }
      // Said before the jobs are looked at: whoever hands one in after that finds it.
      isWaiting.store(!loop.hasWork, ordering: .sequentiallyConsistent)
      let count =
        loop.hasWork || !jobs.isEmpty
        ? poll(0) : patience.wait(source: { UInt(bitPattern: nj_event_data(&events[0])) }, for: poll)
      isWaiting.store(false, ordering: .relaxed)
      for index in 0..<max(0, Int(count)) { dispatch(&events[index]) }
      runJobs()
      if alarm.takeRing() { runTimers() }
      loop.finishTurn()
    }
    // Connections that were on their way here are closed too.
    repeat {
      runJobs()
      loop.closeAll()
      loop.finishTurn()
    } while !end()
    loop.timers = TimerQueue()
  }

  /// Lets nothing in any more, unless something came in meanwhile.
  private func end() -> Bool {
    !loop.hasWork && jobs.close()
  }

  private func dispatch(_ event: inout epoll_event) {
    guard let data = nj_event_data(&event) else {
      var count: UInt64 = 0
      read(wakeUp.raw, &count, MemoryLayout<UInt64>.size)
      return
    }
    // The loop holds every watch at least to the end of the turn in which it is removed.
    Unmanaged<Watch>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.fire(event.events) }
  }

  private func runJobs() {
    guard !jobs.isEmpty else { return }
    jobs.takeAll { $0() }
  }

  private func runTimers() {
    // A timer that a timer sets for at once is the next turn's, or it would keep everything else waiting.
    let now = Moment.now
    while let timer = loop.timers.popDue(at: now) { timer.take()?() }
  }
}
