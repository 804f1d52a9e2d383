import Commerce
import Foundation
import RankedLists
import Synchronization
import Testing

@testable import Ranking

@Suite("The tables that lookups read")
struct TableTests {
  private func find(_ tenant: String, in live: LiveTable) -> LiveTable.Found {
    Array(tenant.utf8).withUnsafeBytes { live.find($0) }
  }

  @Test("every tenant is found, a stranger is not", arguments: [0, 1, 2, 3, 500])
  func find(tenants: Int) throws {
    let live = LiveTable()
    guard case .notToldYet = find("t0", in: live) else {
      Issue.record("an empty ranker knows a tenant")
      return
    }
    let served = try (0..<tenants).map {
      ServedTenant(
        try Ranking.Route(validating: route("t\($0)", mode: $0 % 2 == 0 ? .on : .off, arms: []).decode()), nil)
    }
    live.replace(with: AnswerTable(served, isWhole: true)) { $0() }
    for number in 0..<tenants {
      guard case .tenant(let slot) = find("t\(number)", in: live) else {
        Issue.record("t\(number) is not found")
        continue
      }
      #expect(String(decoding: slot.pointee.tenant, as: UTF8.self) == "t\(number)")
      #expect(slot.pointee.mode == (number % 2 == 0 ? .on : .off))
    }
    guard case .unknown = find("t\(tenants)", in: live) else {
      Issue.record("a stranger is found")
      return
    }
  }

  @Test("a replaced table lives until the last reactor has come round")
  func reclamation() async throws {
    let live = LiveTable()
    weak var watched: AnswerTable?
    do {
      let table = AnswerTable([], isWhole: true)
      watched = table
      live.replace(with: table) { $0() }
    }
    let jobs = Mutex<[@Sendable () -> Void]>([])
    live.replace(with: AnswerTable([], isWhole: true)) { job in
      jobs.withLock { $0 = [job, job] }
    }
    #expect(watched != nil)
    jobs.withLock { $0.removeFirst()() }
    #expect(watched != nil)
    jobs.withLock { $0.removeFirst()() }
    try await eventually("the table is freed") { watched == nil }
  }

  @Test("no two answers have the same id, whatever the threads")
  func recommendationIDs() async {
    let ids = RecommendationIDs()
    let perThread = 20_000
    let made = await withTaskGroup(of: [String].self) { group in
      for _ in 0..<4 {
        group.addTask {
          (0..<perThread).map { _ in
            withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { digits in
              ids.next(into: digits)
              return String(decoding: digits, as: UTF8.self)
            }
          }
        }
      }
      return await group.reduce(into: [String]()) { $0 += $1 }
    }
    #expect(Set(made).count == 4 * perThread)
    let hex = Set("0123456789abcdef")
    #expect(made.allSatisfy { $0.count == 32 && $0.allSatisfy(hex.contains) })
  }

  @Test("facts wait, the latest of each subject, oldest first, until control has heard that very one")
  func facts() throws {
    let queue = FactQueue()
    let (uk, digest) = (try TenantID("uk"), SHA256Digest(of: [1]))
    func fact(_ state: ServingFact.State, at: Int64) -> ServingFact {
      ServingFact(tenant: uk, state: state, at: Timestamp(microseconds: at))
    }
    let adopted = fact(.adopted(digest, bake: "b"), at: 1)
    let again = fact(.adopted(digest, bake: "b"), at: 3)
    queue.add(adopted)
    queue.add(fact(.stopped, at: 2))
    #expect(queue.oldest(1) == [adopted])
    queue.add(again)
    queue.remove([adopted])
    #expect(queue.oldest(10) == [fact(.stopped, at: 2), again])
    queue.remove(queue.oldest(10))
    #expect(queue.count == 0)
  }

  @Test("a reason is cut to its limit at a whole character")
  func reasons() {
    #expect("abc".prefix(utf8Bytes: 3) == "abc")
    #expect("abcd".prefix(utf8Bytes: 3) == "abc")
    #expect("aüü".prefix(utf8Bytes: 4) == "aü")
    #expect("a\nb\u{85}c".withoutControlCharacters == "a b c")
    #expect("e\u{301}x".prefix(utf8Bytes: 2) == "")
  }
}
