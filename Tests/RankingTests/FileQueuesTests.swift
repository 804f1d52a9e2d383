import Commerce
import Dispatch
import Synchronization
import Testing

@testable import Ranking

@Suite("The queues of work on files")
struct FileQueuesTests {
  private struct Refusal: Error {}

  /// What was done, in order, and for whom something is being done.
  private final class Diary: Sendable {
    let done = Mutex<[TenantID]>([])
    let running = Mutex<Set<TenantID>>([])
  }

  @Test("what concerns one tenant is done one at a time, whatever waits for others")
  func oneAtATime() async throws {
    let queues = try FileQueues(width: 2)
    let diary = Diary()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for tenant in [try TenantID("uk"), try TenantID("france")] {
        for _ in 0..<50 {
          group.addTask {
            try await queues.run(for: tenant) {
              let isAlone = diary.running.withLock { $0.insert(tenant).inserted }
              #expect(isAlone)
              _ = diary.running.withLock { $0.remove(tenant) }
              diary.done.withLock { $0.append(tenant) }
            }
          }
        }
      }
      try await group.waitForAll()
    }
    let done = diary.done.withLock { $0 }
    #expect(done.count == 100 && done.count { $0.rawValue == "uk" } == 50)
    await #expect(throws: Refusal.self) { try await queues.run { throw Refusal() } }
  }

  @Test("what somebody waits for is done before everything that came earlier")
  func preferred() async throws {
    let queues = try FileQueues(width: 1)
    let (gate, diary) = (DispatchSemaphore(value: 0), Diary())
    let tenants = try (0..<20).map { try TenantID("t\($0)") }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await queues.run { gate.wait() } }
      for tenant in tenants {
        group.addTask { try await queues.run(for: tenant) { diary.done.withLock { $0.append(tenant) } } }
      }
      try await eventually("all wait") { queues.waiting == tenants.count }
      queues.prefer(tenants[13])
      gate.signal()
      try await group.waitForAll()
    }
    let done = diary.done.withLock { $0 }
    #expect(done.first == tenants[13] && Set(done) == Set(tenants))
  }
}
