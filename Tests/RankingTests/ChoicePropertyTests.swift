import Commerce
import Messages
import RankedLists
import Testing

@testable import Ranking

@Suite("What is chosen, against the plainest model of it")
struct ChoicePropertyTests {
  @Test("overlays, offers, channels, times, pins and exclusions leave what the model leaves", arguments: 0..<8)
  func model(part: Int) throws {
    let scratch = try Scratch()
    var (checked, refilled, offered, pinned) = (0, 0, 0, 0)
    for seed in part * 100..<(part + 1) * 100 {
      var model = ChoiceModel(seed: UInt64(seed) + 1)
      let path = scratch.file("lists-\(seed)")
      try model.writeLists(to: path)
      let lists = try RankedLists(path: path, tenant: "uk", bake: "b")
      let overlay = try Overlay(validating: model.overlay.decode())
      let eligibility = Eligibility(lists, overlay: overlay)
      for _ in 0..<20 {
        let request = model.request()
        for customer in ["c0", "c1", "c2", "c3", "stranger"] {
          let choice = Self.choose(customer, request, from: lists, eligibility, model.bought)
          let expected = model.answer(to: customer, request)
          let items = choice.items.map { [lists.product($0.candidate), lists.offer($0.candidate)] }
          try #require(
            items == expected.items && choice.refilled == expected.refilled, "seed \(seed), \(customer), \(request)")
          checked += 1
          refilled += choice.refilled
          offered += items.count { !$0[1].isEmpty }
          pinned += choice.items.count { $0.isPinned }
        }
      }
    }
    #expect(checked == 10_000 && refilled > 1_000 && offered > 1_000 && pinned > 500)
  }

  private static func choose(
    _ customer: String, _ request: ChoiceModel.Request, from lists: RankedLists, _ eligibility: Eligibility?,
    _ bought: BoughtProducts
  ) -> Choice {
    var demand = Demand(limit: request.limit)
    demand.channel = request.channel == .unknown ? 0 : 1 << request.channel.rawValue
    demand.region = Array(request.region.utf8)
    demand.segment = request.segment
    demand.excluded = request.excluded.map { Array($0.utf8) }
    demand.pinned = request.pinned.map { Array($0.utf8) }
    return Array(customer.utf8).withUnsafeBytes {
      Choice(from: lists, eligibility, for: $0, demand, at: ChoiceModel.now, isDataFloor: false, bought)
    }
  }
}

extension RankedLists {
  func product(_ candidate: UInt32) -> String {
    self.candidate(candidate).product.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  func offer(_ candidate: UInt32) -> String {
    self.candidate(candidate).offer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
