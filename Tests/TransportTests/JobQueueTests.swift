import Testing

@testable import Transport

@Suite("Jobs on their way to a thread")
struct JobQueueTests {
  private final class Held: Sendable {}

  @Test("come out in the order in which they went in, once, and are let go of")
  func order() {
    let queue = JobQueue()
    let done = Box<[Int]>([])
    weak var held: Held?
    do {
      let own = Held()
      held = own
      #expect(queue.isEmpty)
      #expect(queue.append { done.change { $0.append(0) } })
      #expect(queue.append { withExtendedLifetime(own) { done.change { $0.append(1) } } })
    }
    #expect(!queue.isEmpty && held != nil)
    queue.takeAll { $0() }
    #expect(queue.isEmpty && done.value == [0, 1] && held == nil)
    // What a job hands in comes with the next.
    queue.append { queue.append { done.change { $0.append(3) } } }
    queue.takeAll { $0() }
    #expect(done.value == [0, 1])
    queue.takeAll { $0() }
    #expect(done.value == [0, 1, 3])
  }

  @Test("a queue is closed when it is empty, and then lets go of what comes, as it does of all when it goes")
  func closing() {
    weak var held: Held?
    do {
      let queue = JobQueue()
      queue.append {}
      #expect(!queue.close())
      queue.takeAll { $0() }
      #expect(queue.close())
      let own = Held()
      held = own
      #expect(!queue.append { withExtendedLifetime(own) {} })
    }
    #expect(held == nil)
    do {
      let queue = JobQueue()
      let own = Held()
      held = own
      for _ in 0..<3 { queue.append { withExtendedLifetime(own) {} } }
    }
    #expect(held == nil)
  }

  @Test("of many threads none is lost while another takes them out, and each thread's come in its order")
  func threads() async {
    let queue = JobQueue()
    let (writers, jobs) = (4, 20_000)
    let done = Box<[Int: [Int]]>([:])
    await withTaskGroup(of: Void.self) { group in
      for writer in 0..<writers {
        group.addTask {
          for job in 0..<jobs { queue.append { done.change { $0[writer, default: []].append(job) } } }
        }
      }
      group.addTask {
        while done.value.values.reduce(0, { $0 + $1.count }) < writers * jobs {
          queue.takeAll { $0() }
          await Task.yield()
        }
      }
    }
    #expect(done.value.values.allSatisfy { $0 == Array(0..<jobs) })
  }
}
