import Commerce
import Messages
import RPC
import Testing
import Transport

@testable import Control

@Suite("The journal")
struct JournalTests {
  private struct Fact {
    var state: Proto.ServingState = .adopted
    var bake = ""
    var reason = ""
    var at: Timestamp
    var tenant = "uk"
  }

  private func tell(_ desk: Desk, _ facts: [Fact], from ranker: String = "a") async throws {
    let request = try Desk.request(Proto.ReportServingRequest.self) { draft in
      draft.list(\.n_facts, \.facts, of: facts) { draft, fact in
        draft.tenant = fact.tenant
        draft.state = fact.state
        draft.bake = fact.bake
        draft.manifest_digest = fact.bake.isEmpty ? "" : digest(of: fact.bake)
        draft.reason = fact.reason
        draft.at_us = fact.at.microseconds
      }
    }
    _ = try await desk.core.reportServing(request, from: PeerIdentity(role: .ranker, name: ranker))
  }

  /// What was served, as `ranker state bake`.
  private func served(_ desk: Desk, at time: Timestamp? = nil) async throws -> [String] {
    try await desk.journal("uk", until: time).list(\.n_served, \.served).map { served in
      let state = [Proto.ServingState.adopted: "serves", .refused: "refused", .stopped: "stopped"][served.state]
      return "\(served.ranker) \(state ?? "?") \(served.bake)"
    }
  }

  @Test("it tells what was decided and what was served at any time, side by side")
  func atATime() async throws {
    let desk = try Desk()
    var moments: [Timestamp] = []
    func moment() -> Timestamp {
      moments.append(desk.time.wall)
      desk.time.advance(.seconds(60))
      return desk.time.wall
    }
    try await desk.create("uk")
    let beforeAll = Timestamp(microseconds: desk.time.wall.microseconds - 1)
    _ = moment()
    let first = try await desk.wholeNight("uk")
    try await tell(desk, [Fact(bake: first, at: desk.time.wall)])
    _ = moment()
    let second = try await desk.wholeNight("uk", ["champion": 0.4, "als": 0.3, "popularity": 0.5])
    try await tell(
      desk, [Fact(state: .refused, bake: second, reason: "lists: wrong digest", at: desk.time.wall)])
    try await tell(desk, [Fact(bake: second, at: desk.time.wall)], from: "b")
    _ = moment()
    try await desk.setMode("uk", .off)
    try await tell(desk, [Fact(state: .stopped, at: desk.time.wall)])
    try await tell(desk, [Fact(state: .stopped, at: desk.time.wall)], from: "b")
    _ = moment()

    #expect(try await desk.journal("uk", until: beforeAll).decided == nil)
    #expect(try await served(desk, at: beforeAll) == [])
    let decided = try await [moments[0], moments[1], moments[2], moments[3]].asyncMap {
      try await desk.journal("uk", until: $0).decided
    }
    #expect(decided.map { $0?.bake } == ["", first, second, second])
    #expect(decided.map { $0?.mode } == [.on, .on, .on, .off])
    #expect(decided.map { $0?.manifest_digest } == ["", digest(of: first), digest(of: second), digest(of: second)])
    #expect(try await served(desk, at: moments[0]) == [])
    #expect(try await served(desk, at: moments[1]) == ["ranker/a serves \(first)"])
    // What was refused is told beside what goes on being served.
    #expect(
      try await served(desk, at: moments[2]) == [
        "ranker/a serves \(first)", "ranker/a refused \(second)", "ranker/b serves \(second)",
      ])
    #expect(try await served(desk, at: moments[3]) == ["ranker/a stopped ", "ranker/b stopped "])
    #expect(try await served(desk) == ["ranker/a stopped ", "ranker/b stopped "])

    // The decision's entry is among the entries of that time.
    let then = try await desk.journal("uk", until: moments[1])
    let entry = try #require(then.list(\.n_entries, \.entries).first { $0.number == decided[1]?.entry })
    #expect(entry.kind == "work.completed")
    #expect(then.list(\.n_entries, \.entries).allSatisfy { $0.at_us <= moments[1].microseconds })
  }

  @Test("what is told twice is kept once")
  func repeated() async throws {
    let desk = try Desk()
    try await desk.create("uk")
    let start = desk.time.wall
    let facts = [
      Fact(bake: "als-1.1", at: start), Fact(state: .refused, bake: "als-2.2", reason: "torn", at: start + .seconds(1)),
    ]
    try await tell(desk, facts)
    // The answer was lost; then the ranker starts anew and says the same at another time.
    try await tell(desk, facts)
    try await tell(desk, facts.map { Fact(state: $0.state, bake: $0.bake, reason: $0.reason, at: start + .seconds(9)) })
    #expect(try await desk.kinds("uk") == ["tenant.created", "serving.reported", "serving.reported"])
    #expect(try await served(desk) == ["ranker/a serves als-1.1", "ranker/a refused als-2.2"])

    // What is adopted again after something else is news.
    try await tell(
      desk, [Fact(bake: "als-3.3", at: start + .seconds(10)), Fact(bake: "als-1.1", at: start + .seconds(11))])
    #expect(try await served(desk) == ["ranker/a serves als-1.1"])
    #expect(try await served(desk, at: start + .seconds(10)) == ["ranker/a serves als-3.3"])
    #expect(try await desk.kinds("uk").count == 5)
    // A late repetition of what has long been replaced brings nothing back.
    try await tell(desk, [facts[0]])
    #expect(try await desk.kinds("uk").count == 5)
  }

  @Test("a fact that is none is refused, and with it the whole report")
  func badFacts() async throws {
    let desk = try Desk()
    let good = Fact(bake: "als-1.1", at: desk.time.wall)
    let bad: [(Fact, String)] = [
      (Fact(state: .unknown, bake: "x", at: desk.time.wall), "facts[1].state"),
      (Fact(bake: "", at: desk.time.wall), "facts[1].manifest_digest"),
      (Fact(bake: "x\n", at: desk.time.wall), "facts[1].bake"),
      (Fact(bake: String(repeating: "b", count: 129), at: desk.time.wall), "facts[1].bake"),
      (Fact(bake: "x", reason: String(repeating: "r", count: 1_025), at: desk.time.wall), "facts[1].reason"),
      (Fact(bake: "x", at: desk.time.wall, tenant: "U K"), "facts[1].tenant"),
    ]
    for (fact, field) in bad {
      await expectRefusal(.invalidArgument, field) { try await tell(desk, [good, fact]) }
    }
    await expectRefusal(.invalidArgument, "takes at most 10000") {
      try await tell(desk, Array(repeating: good, count: 10_001))
    }
    #expect(try await desk.journal().list(\.n_entries, \.entries).isEmpty)
  }

  @Test("pages name every entry once, newest first", arguments: [1, 2, 3, 100])
  func paging(size: UInt32) async throws {
    let desk = try Desk()
    for tenant in ["at", "be", "ch", "de", "fr"] { try await desk.create(tenant) }
    try await desk.runNight()
    var numbers: [UInt64] = []
    var token = ""
    repeat {
      let page = try await desk.journal(size: size, token: token)
      numbers += page.list(\.n_entries, \.entries).map(\.number)
      token = page.next_page_token
    } while !token.isEmpty && numbers.count <= 6
    #expect(numbers == [6, 5, 4, 3, 2, 1])
    #expect(try await desk.journal("be").list(\.n_entries, \.entries).map(\.number) == [2])
  }

  @Test("every entry is a JSON object with the particulars, whatever a person wrote")
  func detail() async throws {
    let desk = try Desk()
    try await desk.create("uk", name: #"the "best" \ shop/ü"#)
    let entry = try await desk.journal("uk").list(\.n_entries, \.entries)[0]
    #expect(
      entry.detail
        == #"{"horizon_days":"28","name":"the \"best\" \\ shop/ü","needs_approval":"false","repurchase":"exclude"}"#)
    #expect(entry.actor == "admin/cli")
    #expect(entry.at_us == desk.time.wall.microseconds)
  }
}

extension Sequence {
  fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
    var result: [T] = []
    for element in self { result.append(try await transform(element)) }
    return result
  }
}
