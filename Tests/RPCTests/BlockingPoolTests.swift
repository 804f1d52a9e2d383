import Dispatch
import Synchronization
import Testing

@testable import RPC

@Suite("Pools for work that blocks")
struct BlockingPoolTests {
  private final class Kept: Sendable {}

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
}
