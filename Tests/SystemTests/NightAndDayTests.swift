import Commerce
import Foundation
import Messages
import NightjarClient
import RPC
import Testing

@Suite("The night and the day, over real processes", .serialized, .timeLimit(.minutes(10)))
struct NightAndDayTests {
  @Test("a tenant's data becomes lists, its mode is obeyed, and the journal tells what was decided and served")
  func wholePath() async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      try await cluster.startTrainer("node-1")
      try await cluster.startTrainer("node-2")
      let control = try cluster.channel(.control, as: "admin-cli")
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      let ranker = try cluster.channel(.ranker, as: "platform-cli")
      try await Shop.large.open("large", control: control, ingest: ingest)
      try await Shop.small.open("small", control: control, ingest: ingest)
      let done = try await night(Shop.asOf, control)
      let work = Dictionary(uniqueKeysWithValues: done.list(\.n_work, \.work).map { ($0.tenant, $0) })
      #expect(work.values.allSatisfy { $0.state == .done }, "\(work.values.map(\.failure))")
      #expect(work["large"]?.evaluation?.verdict == .promote)
      #expect(work["small"]?.evaluation?.verdict == .dataFloor)

      try await eventually("adoption") {
        let both = ["large", "small"]
        for tenant in both where (try? await recommend(tenant, "c1", ranker)) == nil { return false }
        return true
      }
      let answer = try await recommend("large", "c1", ranker)
      #expect(answer.outcome == .list)
      let items = answer.list(\.n_items, \.items)
      #expect(items.count == 10)
      #expect(zip(items, items.dropFirst()).allSatisfy { $0.score >= $1.score })
      let bought = Set(Shop.large.purchases().filter { $0.customer == "c1" }.map(\.product))
      #expect(items.allSatisfy { !bought.contains($0.product) })
      #expect(answer.bake == work["large"]?.activated_bake)
      #expect(answer.recommendation_id.utf8.count == 32)
      let unknown = try await recommend("large", "nobody", ranker)
      #expect(unknown.outcome == .fallback && unknown.fallback == .unknownCustomer)
      #expect(unknown.list(\.n_items, \.items).count == 10)
      let floor = try await recommend("small", "c1", ranker)
      #expect(floor.outcome == .fallback && floor.fallback == .dataFloor)

      for (mode, outcome, frozen) in [
        (Proto.Mode.frozen, Proto.Outcome.list, true), (.off, .off, false), (.on, .list, false),
      ] {
        _ = try await control.call(ControlService.setMode) { request in
          request.tenant = "large"
          request.mode = mode
        }
        try await eventually("mode \(mode.rawValue)") {
          let answer = try await recommend("large", "c1", ranker)
          return answer.outcome == outcome && answer.frozen == frozen
        }
      }

      try await eventually("the journal shows decision and fact") {
        let journal = try await control.call(ControlService.readJournal) { $0.tenant = "large" }
        let served = journal.list(\.n_served, \.served)
        return served.count == 1 && served[0].bake == answer.bake && journal.decided?.bake == answer.bake
      }
    }
  }

  @Test(
    "a flipped byte or a cut in an artifact is refused and reported; the old lists go on",
    arguments: [("lists", false), ("lists", true), ("manifest", false), ("manifest", true)])
  func damagedArtifact(file: String, isCut: Bool) async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      try await cluster.startTrainer("node-1")
      let control = try cluster.channel(.control, as: "admin-cli")
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      let ranker = try cluster.channel(.ranker, as: "platform-cli")
      try await Shop.large.open("large", control: control, ingest: ingest)
      try await night(Shop.asOf, control)
      try await eventually("the first lists") { (try? await recommend("large", "c1", ranker)) != nil }
      let first = try await recommend("large", "c1", ranker).bake

      await cluster.signal("ranker-a", SIGSTOP)
      let second = try await night(Shop.asOf + 7 * Shop.day, control).list(\.n_work, \.work)[0].activated_bake
      let digest = try await control.call(ControlService.listVersions) { $0.tenant = "large" }
        .list(\.n_versions, \.versions).first { $0.bake == second }?.manifest_digest
      let path = "\(cluster.folder)/store/large/\(try #require(digest))/\(file)"
      var bytes = try Data(contentsOf: URL(filePath: path))
      if isCut { bytes.removeLast(bytes.count / 3) } else { bytes[bytes.count / 2] ^= 0x10 }
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
      try bytes.write(to: URL(filePath: path))
      await cluster.signal("ranker-a", SIGCONT)

      try await eventually("the refusal in the journal") {
        let journal = try await control.call(ControlService.readJournal) { $0.tenant = "large" }
        return journal.list(\.n_served, \.served).contains {
          $0.state == .refused && $0.bake == second && !$0.reason.isEmpty
        }
      }
      #expect(try await recommend("large", "c1", ranker).bake == first)
    }
  }

  @Test("a version is rolled back by hand, and the next night does not bring the model back")
  func rollback() async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      try await cluster.startTrainer("node-1")
      let control = try cluster.channel(.control, as: "admin-cli")
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      let ranker = try cluster.channel(.ranker, as: "platform-cli")
      try await Shop.large.open("large", control: control, ingest: ingest)
      let first = try await night(Shop.asOf, control).list(\.n_work, \.work)[0].activated_bake
      let second = try await night(Shop.asOf + Shop.day, control).list(\.n_work, \.work)[0].activated_bake
      #expect(first != second)
      let tenant = try await control.call(ControlService.getTenant) { $0.id = "large" }
      _ = try await control.call(ControlService.activate) { request in
        request.tenant = "large"
        request.bake = first
        request.expected_generation = tenant.generation
        request.hold = .untilReleased
        request.reason = "complaints"
      }
      try await eventually("the old lists") { (try? await recommend("large", "c1", ranker).bake) == first }
      let model = try await recommend("large", "c1", ranker).model
      let third = try await night(Shop.asOf + 2 * Shop.day, control).list(\.n_work, \.work)[0]
      #expect(third.evaluation?.verdict == .rebake)
      try await eventually("a new bake of the model held") {
        let answer = try await recommend("large", "c1", ranker)
        return answer.bake == third.activated_bake && answer.model == model
      }
    }
  }
}
