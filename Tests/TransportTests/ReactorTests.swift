import Foundation
import Testing

@testable import Transport

@Suite("A reactor")
struct ReactorTests {
  @Test("runs jobs of many threads on its own thread, each thread's in order")
  func jobs() async throws {
    let reactor = try Reactor(name: "test")
    defer { reactor.stop() }
    let seen = Box<[Int: [Int]]>([:])
    await withTaskGroup(of: Void.self) { group in
      for thread in 0..<8 {
        group.addTask {
          for job in 0..<500 {
            reactor.execute {
              #expect(reactor.isCurrent)
              seen.change { $0[thread, default: []].append(job) }
            }
          }
        }
      }
    }
    await eventually("all jobs run") { seen.value.values.reduce(0) { $0 + $1.count } == 4_000 }
    #expect(seen.value.values.allSatisfy { $0 == Array(0..<500) })
    #expect(!reactor.isCurrent)
  }

  @Test("gives way only where it was told to, and is as nice as the thread that made it")
  func priority() async throws {
    let process = __priority_which_t(PRIO_PROCESS.rawValue)
    let made = Box<Result<Reactor, any Error>?>(nil)
    Thread.detachNewThread {
      setpriority(process, 0, 5)
      let reactor = Result { () throws -> Reactor in try Reactor(name: "test") }
      made.change { $0 = reactor }
    }
    await eventually("it is made") { made.value != nil }
    let reactor = try #require(made.value).get()
    defer { reactor.stop() }
    let seen = Box<[[Int32]]>([])
    let look: @Sendable () -> Void = {
      seen.change { $0.append([sched_getscheduler(0), getpriority(process, 0)]) }
    }
    reactor.execute(look)
    reactor.giveWay()
    reactor.execute(look)
    await eventually("both looks") { seen.value.count == 2 }
    // SCHED_OTHER, SCHED_IDLE.
    #expect(seen.value == [[0, 5], [5, 5]])
  }

  @Test("sleeps to make way only where it is to pause", arguments: [nil, false, true])
  func makesWay(pausing: Bool?) async throws {
    let reactor = try Reactor(name: "test")
    defer { reactor.stop() }
    if let pausing { reactor.giveWay(pausing: pausing) }
    let seen = Box<(sleeps: Int, took: Duration)?>(nil)
    reactor.execute {
      guard let before = Self.sleeps else { return }
      let took = ContinuousClock().measure { for _ in 0..<50 { Reactor.makeWay() } }
      guard let after = Self.sleeps else { return }
      seen.change { $0 = (after - before, took) }
    }
    await eventually("it has made way") { seen.value != nil }
    let (sleeps, took) = try #require(seen.value)
    if pausing == true {
      // Not by the count: a thread that is preempted before it could sleep finds its time over when it runs again.
      #expect(took >= .microseconds(50 * 20))
    } else {
      // What reads the count may have to wait, too.
      #expect(sleeps < 10)
    }
  }

  /// How often the thread has given the processor up because it had to wait.
  private static var sleeps: Int? {
    let text = (try? String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") }
    return line.flatMap { Int($0.split(separator: "\t").last ?? "") }
  }

  @Test("has a slice that is shorter than that of others, where the kernel knows such things")
  func slice() async throws {
    var system = utsname()
    uname(&system)
    let release = withUnsafeBytes(of: &system.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let version = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    let reactor = try Reactor(name: "test")
    defer { reactor.stop() }
    let seen = Box<String?>(nil)
    reactor.execute {
      let text = (try? String(contentsOfFile: "/proc/thread-self/sched", encoding: .utf8)) ?? ""
      seen.change { $0 = text }
    }
    await eventually("it has looked") { seen.value != nil }
    guard !version.lexicographicallyPrecedes([6, 12]),
      let line = seen.value?.split(separator: "\n").first(where: { $0.hasPrefix("se.slice") })
    else { return }
    #expect(line.hasSuffix(" 100000"))
  }

  @Test("runs timers in order of time, and not those cancelled")
  func timers() async throws {
    let reactor = try Reactor(name: "test")
    defer { reactor.stop() }
    let fired = Box<[Int]>([])
    for delay in [30, 10, 20, 5, 25, 15] {
      reactor.schedule(after: .milliseconds(delay)) { fired.change { $0.append(delay) } }
    }
    let cancelled = reactor.schedule(after: .milliseconds(12)) { fired.change { $0.append(-1) } }
    cancelled.cancel()
    await eventually("six timers") { fired.value.count == 6 }
    #expect(fired.value == [5, 10, 15, 20, 25, 30])
  }

  @Test("a queue of timers gives them by time, whatever is added and cancelled", arguments: 0..<5)
  func queue(seed: Int) {
    var random = SystemRandomNumberGenerator()
    var queue = TimerQueue()
    let now = Moment.now
    var expected: [Int] = []
    for _ in 0..<5_000 {
      let due = Int.random(in: 0..<1_000_000, using: &random)
      let timer = Timer(due: now.advanced(byNanoseconds: 1_000 * Int64(due))) {}
      queue.add(timer)
      if Bool.random(using: &random) { timer.cancel() } else { expected.append(due) }
    }
    var popped: [Int] = []
    while let timer = queue.popDue(at: now.advanced(byNanoseconds: 2_000_000_000)) {
      guard timer.take() != nil else { continue }
      popped.append(Int(now.nanoseconds(to: timer.due) / 1_000))
    }
    #expect(popped == expected.sorted())
  }

  @Test("a timer that is not due stays")
  func notDue() {
    var queue = TimerQueue()
    let now = Moment.now
    let due = now.advanced(byNanoseconds: 1_000_000_000)
    queue.add(Timer(due: due) {})
    #expect(queue.popDue(at: now) == nil)
    #expect(queue.nextDue == due)
  }

  @Test("a timer that is due after the end of time keeps nothing from being done")
  func hugeDelay() async throws {
    let reactor = try Reactor(name: "test")
    defer { reactor.stop() }
    let ran = Box(0)
    for delay in [Duration.seconds(Int64.max), .seconds(Int64.max / 1_000), .seconds(100 * 24 * 3600)] {
      reactor.schedule(after: delay) { Issue.record("fired") }
      reactor.execute { reactor.execute { ran.change { $0 += 1 } } }
    }
    await eventually("jobs run") { ran.value == 3 }
  }

  @Test("timers that set timers for at once leave room for jobs")
  func timersAtOnce() async throws {
    let reactor = try Reactor(name: "test")
    let isOver = Box(false)
    let ran = Box(false)
    @Sendable func again() {
      if !isOver.value { reactor.schedule(after: .zero, again) }
    }
    again()
    let fired = Box(false)
    reactor.schedule(after: .milliseconds(1)) { fired.change { $0 = true } }
    await eventually("the other timer fires") { fired.value }
    reactor.execute { ran.change { $0 = true } }
    await eventually("a job runs") { ran.value }
    isOver.change { $0 = true }
    reactor.stop()
  }

  @Test("stop lets go of what timers hold")
  func stopForgetsTimers() async throws {
    final class Token: Sendable {}
    weak var held: Token?
    let reactor = try Reactor(name: "test")
    do {
      let token = Token()
      held = token
      reactor.schedule(after: .seconds(3600)) { _ = token }
    }
    #expect(held != nil)
    reactor.stop()
    #expect(held == nil)
  }

  @Test("stop ends the thread and every connection")
  func stop() async throws {
    let server = try Reactor(name: "server")
    let client = try Reactor(name: "client")
    let listener = try Loopback.listen(on: [server]) { _ in Echo() }
    let collector = try await Loopback.connect(to: listener.port, on: client)
    // The server's side may still be on its way from the handshake to its reactor.
    server.stop()
    await eventually("the peer sees the end") { collector.end.value != nil }
    client.stop()
    listener.close()
  }
}
