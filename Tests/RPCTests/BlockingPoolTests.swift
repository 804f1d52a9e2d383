import Dispatch
import Glibc
import Synchronization
import Testing

@testable import RPC

@Suite("Pools for work that blocks")
struct BlockingPoolTests {
  private final class Kept: Sendable {}

  private final class Load: Sendable {
    let running = Atomic(0)
    let most = Atomic(0)
  }

  @Test("a pool that never comes to rest forgets the jobs that are done")
  func busyPool() async throws {
    let pool = BlockingPool(name: "busy", width: 1, maximumCalls: 1)
    let gate = DispatchSemaphore(value: 0)
    weak var kept: Kept?
    do {
      let held = Kept()
      kept = held
      pool.execute { withExtendedLifetime(held) {} }
    }
    for _ in 0..<200 { pool.execute {} }
    // The last two keep the pool from ever being empty while it is looked at.
    pool.execute { gate.wait() }
    pool.execute {}
    await until("the job is forgotten") { kept == nil }
    gate.signal()
  }

  @Test("jobs start in order, and what one throws reaches whoever waits for it", arguments: [false, true])
  func order(givesWay: Bool) async throws {
    struct Refusal: Error {}
    let pool =
      try givesWay
      ? BlockingPool(giveWay: "patient", width: 1, maximumCalls: 1)
      : BlockingPool(name: "ordinary", width: 1, maximumCalls: 1)
    let begun = Mutex<[Int]>([])
    for number in 0..<100 { pool.execute { begun.withLock { $0.append(number) } } }
    try await #expect(pool.run { begun.withLock { $0 } } == Array(0..<100))
    await #expect(throws: Refusal.self) { try await pool.run { throw Refusal() } }
  }

  @Test("no job is lost and no more run at once than the pool is wide", arguments: [false, true], [1, 3])
  func width(givesWay: Bool, width: Int) async throws {
    let pool =
      try givesWay
      ? BlockingPool(giveWay: "patient", width: width, maximumCalls: width)
      : BlockingPool(name: "ordinary", width: width, maximumCalls: width)
    let (load, done) = (Load(), Counter())
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for number in 0..<500 {
            pool.execute {
              load.most.max(load.running.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
              if number % 50 == 0 { usleep(100) }
              load.running.subtract(1, ordering: .relaxed)
              done.add()
            }
          }
        }
      }
    }
    await until("all are done") { done.value == 2_000 }
    #expect(load.most.load(ordering: .relaxed) <= width)
  }

  @Test("jobs that were handed in before a pool went are done", arguments: [false, true])
  func end(givesWay: Bool) async throws {
    let done = Counter()
    do {
      let pool =
        try givesWay
        ? BlockingPool(giveWay: "patient", width: 2, maximumCalls: 2)
        : BlockingPool(name: "ordinary", width: 2, maximumCalls: 2)
      for _ in 0..<100 { pool.execute { done.add() } }
    }
    await until("all are done") { done.value == 100 }
  }

  @Test("a call finds room as long as there is some")
  func room() {
    let pool = BlockingPool(name: "room", width: 1, maximumCalls: 2)
    #expect(pool.admit() && pool.admit() && !pool.admit() && pool.calls == 2)
    pool.leave()
    #expect(pool.admit() && !pool.admit() && pool.calls == 2)
  }
}
