import Foundation
import Messages
import NightjarClient
import RPC
import Testing

@testable import Ranking

@Suite("Served records: of answers", .serialized)
struct ServedAnswerTests {
  private static let key: [UInt8] = Array(1...16)

  private func ask(
    _ ranker: RunningRanker, _ customer: String = "c1", key: [UInt8] = [],
    _ more: (Draft<Proto.GetRecommendationsRequest>) -> Void = { _ in }
  ) async throws -> View<Proto.GetRecommendationsResponse> {
    try await ranker.channel(as: "platform-cli").call(RankerService.getRecommendations) { request in
      request.tenant = "uk"
      request.customer = customer
      request.limit = 3
      request.call_key = key
      more(request)
    }
  }

  /// Runs `body` on a ranker that serves, stops it, and hands out what it has written down.
  private func served(
    _ body: (Bakery, FakeControl.State, RunningRanker) async throws -> Void
  ) async throws -> [(record: ServedRecord, answer: View<Proto.GetRecommendationsResponse>)] {
    let scratch = try Scratch()
    let control = try FakeControl()
    let ranker = try RunningRanker(scratch, control: control.server.port)
    let bakery = Bakery(scratch)
    do {
      control.state.say(route(arms: [try bakery.bake("b-1")], businessOffset: -5_000_000))
      // An outcome that leaves no record, so that the test knows what does.
      try await eventually("b-1 is served") { ranker.shows("nightjar_ranker_tenants{state=\"served\"} 1") }
      try await body(bakery, control.state, ranker)
    } catch is CancellationError {}
    await ranker.stop()
    await control.server.shutdown(grace: .zero)
    let segments = try ServedSegments(folder: "\(scratch.file("cache"))/served")
    var found: [(ServedRecord, View<Proto.GetRecommendationsResponse>)] = []
    while let segment = segments.next(after: 0) {
      let gaps = try segments.read(segment).withUnsafeBytes { bytes in
        try ServedRecord.forEach(in: bytes) { record, _ in
          found.append((record, try Encoded(unchecked: record.answer).decode()))
        }
      }
      #expect(gaps == 0)
      try segments.remove(segment)
    }
    return found
  }

  @Test("a ranker that is to keep none answers all the same, and makes no file for them")
  func none() async throws {
    let scratch = try Scratch()
    let control = try FakeControl()
    let ranker = try RunningRanker(scratch, control: control.server.port, servedBytes: 0)
    control.state.say(route(arms: [try Bakery(scratch).bake("b-1")]))
    try await eventually("b-1 is served") { await ranker.bake() == "b-1" }
    await ranker.stop()
    await control.server.shutdown(grace: .zero)
    #expect(!FileManager.default.fileExists(atPath: "\(scratch.file("cache"))/served"))
  }

  @Test(
    "every answer is written down as it went out, whatever its outcome, re-ranked and in batches too; refusals are not")
  func everyAnswer() async throws {
    var ids: [String] = []
    let found = try await served { _, control, ranker in
      for customer in ["c1", "nobody", "stranger"] { ids.append(try await ask(ranker, customer).recommendation_id) }
      ids.append(
        try await ask(ranker, "c2") { request in
          request.message(\.context) { context in
            context.list(\.n_acts, \.acts, of: [1]) { act, _ in
              act.kind = .view
              act.product = "b-1-9"
            }
          }
        }.recommendation_id)
      let batch = try await ranker.channel(as: "platform-cli").call(RankerService.batchGetRecommendations) { request in
        request.tenant = "uk"
        request.strings(\.n_customers, \.customers, ["c3", "c4"])
      }
      ids += batch.list(\.n_answers, \.answers).map(\.recommendation_id)
      _ = try await ranker.refusal(limit: 51)
      control.say(route(mode: .off, arms: []))
      try await eventually("it is off") { ranker.shows("nightjar_ranker_tenants{state=\"off\"} 1") }
      ids.append(try await ask(ranker).recommendation_id)
    }
    #expect(Set(found.map(\.answer.recommendation_id)) == Set(ids) && found.count == ids.count)
    let first = try #require(found.first { $0.answer.recommendation_id == ids[0] })
    #expect(first.answer.products == ["b-1-0", "b-1-1", "b-1-2"] && first.answer.bake == "b-1")
    #expect(first.answer.arm == "a" && first.answer.propensity == 1)
    #expect(String(decoding: first.record.customer, as: UTF8.self) == "c1" && !first.record.isNamed)
    #expect(first.record.servedAt - first.record.occurredAt == 5_000_000)
    #expect(abs(Double(first.record.servedAt) / 1e6 - Date.now.timeIntervalSince1970) < 600)
    #expect(found.contains { $0.answer.reranked } && found.contains { $0.answer.outcome == .off })
  }

  @Test("what the salesperson wants and does not want is written down with the answer")
  func wishes() async throws {
    let found = try await served { _, _, ranker in
      _ = try await ask(ranker) { request in
        request.channel = .pull
        request.strings(\.n_pin, \.pin, ["b-1-7", "gone"])
        request.strings(\.n_exclude, \.exclude, ["b-1-0"])
      }
    }
    let (record, answer) = try #require(found.first)
    // These lists have no order of ids in which a pin could be found: what was wanted is written down all the same.
    #expect(answer.products == ["b-1-1", "b-1-2", "b-1-3"])
    #expect(record.wishes.map { String(decoding: $0.product, as: UTF8.self) } == ["b-1-7", "gone", "b-1-0"])
    #expect(record.wishes.map(\.kind) == [.pinned, .pinned, .excluded])
    #expect(record.channel == UInt8(Proto.SalesChannel.pull.rawValue))
  }

  @Test("attempts at one call have one id while they are answered alike, and one call in their ids when not")
  func attempts() async throws {
    var ids: [String] = []
    let found = try await served { bakery, control, ranker in
      for _ in 0..<2 { ids.append(try await ask(ranker, key: Self.key).recommendation_id) }
      ids.append(try await ask(ranker, "c2", key: Self.key).recommendation_id)
      ids.append(try await ask(ranker, key: Self.key.reversed()).recommendation_id)
      control.say(route(arms: [try bakery.bake("b-2")], businessOffset: -5_000_000))
      try await eventually("b-2 is served") { try await ask(ranker, key: Self.key).bake == "b-2" }
      ids.append(try await ask(ranker, key: Self.key).recommendation_id)
    }
    #expect(ids[0] == ids[1] && ids[0].utf8.count == 32)
    #expect(Set(ids[1...].map { $0.prefix(16) }).count == 3)
    #expect(ids[0] != ids[4] && ids[0].prefix(16) == ids[4].prefix(16))
    #expect(found.allSatisfy { $0.record.isNamed })
  }

  @Test("another ranker makes the same id of the same call")
  func anotherRanker() async throws {
    var ids: [String] = []
    for _ in 0..<2 {
      _ = try await served { _, _, ranker in ids.append(try await ask(ranker, key: Self.key).recommendation_id) }
    }
    #expect(ids.count == 2 && ids[0] == ids[1])
  }

  @Test("a call key of another length is refused", arguments: [1, 15, 17])
  func wrongKey(length: Int) async throws {
    let found = try await served { _, _, ranker in
      await #expect {
        _ = try await ask(ranker, key: Array(repeating: 1, count: length))
      } throws: {
        ($0 as? RPCError)?.code == .invalidArgument
      }
    }
    #expect(found.isEmpty)
  }
}
