import Commerce
import Foundation
import Messages
import NightjarClient
import RPC
import Testing

@Suite("Killed processes", .serialized, .timeLimit(.minutes(10)))
struct KillTests {
  @Test("kill -9 of ingest in the middle of RecordEvents: every acknowledged row is there, none twice")
  func ingestKilled() async throws {
    try await Cluster.run { cluster in
      try await cluster.start("ingest")
      let purchases = Shop(customers: 100, products: 80, purchasesEach: 200).purchases()
      var acknowledged = 0
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      for round in 1...3 {
        // The killer strikes while batches of 20 are in flight.
        let call = try await ingest.stream(IngestService.recordEvents)
        let sender = Task { [acknowledged] in
          for start in stride(from: acknowledged, to: purchases.count, by: 20) {
            try await call.send { Shop.fill($0, "crash", purchases[start..<min(start + 20, purchases.count)]) }
          }
        }
        var answers = call.responses.makeAsyncIterator()
        let goal = acknowledged + 300 * round
        while acknowledged < goal, let answer = try await answers.next() {
          let verdicts = answer.scalars(\.n_verdicts, \.verdicts)
          #expect(verdicts.allSatisfy { $0 == .accepted || $0 == .duplicate })
          acknowledged += verdicts.count
        }
        await cluster.signal("ingest-a", SIGKILL)
        sender.cancel()
        call.cancel()
        try await cluster.start("ingest")
        var described: View<Proto.DescribeResponse>?
        try await eventually("ingest answers again") {
          described = try? await ingest.call(IngestService.describe) { $0.tenant = "crash" }
          return described != nil
        }
        #expect(try #require(described).events >= UInt64(acknowledged))
      }
      // Sending everything again accepts exactly what is missing.
      let before = try await ingest.call(IngestService.describe) { $0.tenant = "crash" }.events
      let accepted = try await Shop.large.record(purchases, "crash", ingest)
      #expect(UInt64(accepted) + before == UInt64(purchases.count))
      let after = try await ingest.call(IngestService.describe) { $0.tenant = "crash" }
      #expect(after.events == UInt64(purchases.count))
      #expect(after.sequence == after.events)
    }
  }

  @Test("a trainer that stops mid-night loses its lease; another finishes; its late report is refused")
  func trainerStopped() async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      let control = try cluster.channel(.control, as: "admin-cli")
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      try await Shop.large.open("large", control: control, ingest: ingest)
      // A lease whose holder says nothing more, as if it had been killed.
      let silent = try cluster.channel(.control, as: "trainer-node-1")
      let started = try await control.call(ControlService.runNight) { $0.as_of_us = Shop.asOf }
      let lease = try #require(
        try await silent.call(ControlService.leaseWork) { $0.wait_ms = 10_000 }.lease)
      #expect(lease.tenant == "large")
      try await cluster.startTrainer("node-2")
      try await eventually("another trainer finishes") {
        try await control.call(ControlService.getNight) { $0.night = started.id }.finished_at_us > 0
      }
      let work = try await control.call(ControlService.getNight) { $0.night = started.id }.list(\.n_work, \.work)[0]
      #expect(work.state == .done && work.attempts == 2 && work.trainer == "trainer/node-2")
      await #expect {
        _ = try await silent.call(ControlService.reportEvaluation) { request in
          request.tenant = "large"
          request.message(\.fence) { fence in
            fence.epoch = lease.fence?.epoch ?? 0
            fence.number = lease.fence?.number ?? 0
          }
        }
      } throws: {
        ($0 as? RPCError)?.code == .failedPrecondition
      }
      let versions = try await control.call(ControlService.listVersions) { $0.tenant = "large" }
      #expect(versions.list(\.n_versions, \.versions).count { $0.state == .live } == 1)
    }
  }

  @Test("kill -9 of a trainer at work: the night ends with one live version", arguments: [50, 200, 500])
  func trainerKilled(afterMilliseconds: Int) async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      let control = try cluster.channel(.control, as: "admin-cli")
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      let ranker = try cluster.channel(.ranker, as: "platform-cli")
      try await Shop.large.open("large", control: control, ingest: ingest)
      try await cluster.startTrainer("node-1")
      let started = try await control.call(ControlService.runNight) { $0.as_of_us = Shop.asOf }
      let begun = ContinuousClock.now
      try await eventually("the moment to kill") { ContinuousClock.now > begun + .milliseconds(afterMilliseconds) }
      await cluster.signal("trainer-node-1", SIGKILL)
      try await cluster.startTrainer("node-2")
      try await eventually("the night ends") {
        try await control.call(ControlService.getNight) { $0.night = started.id }.finished_at_us > 0
      }
      let versions = try await control.call(ControlService.listVersions) { $0.tenant = "large" }
      #expect(versions.list(\.n_versions, \.versions).count { $0.state == .live } == 1)
      try await eventually("lists") { (try? await recommend("large", "c1", ranker))?.outcome == .list }
    }
  }

  @Test("kill -9 of control: the ranker goes on answering, even restarted; the night goes on where it stood")
  func controlKilled() async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      try await cluster.startTrainer("node-1")
      let control = try cluster.channel(.control, as: "admin-cli")
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      let ranker = try cluster.channel(.ranker, as: "platform-cli")
      try await Shop.large.open("large", control: control, ingest: ingest)
      try await night(Shop.asOf, control)
      try await eventually("lists") { (try? await recommend("large", "c1", ranker)) != nil }
      #expect(try await recommend("large", "c1", ranker).outcome == .list)

      let second = try await control.call(ControlService.runNight) { request in
        request.as_of_us = Shop.asOf + Shop.day
        request.retrain_unchanged = true
      }
      await cluster.signal("control-a", SIGKILL)
      #expect(try await recommend("large", "c1", ranker).outcome == .list)
      await cluster.signal("ranker-a", SIGKILL)
      try await cluster.start("ranker")
      try await eventually("the restarted ranker answers without control") {
        (try? await recommend("large", "c1", ranker))?.outcome == .list
      }
      try await cluster.start("control")
      try await eventually("the night goes on") {
        let night = try? await control.call(ControlService.getNight) { $0.night = second.id }
        return (night?.finished_at_us ?? 0) > 0
      }
      let work = try await control.call(ControlService.getNight) { $0.night = second.id }.list(\.n_work, \.work)[0]
      #expect(work.state == .done)
      try await eventually("the new bake is served") {
        (try? await recommend("large", "c1", ranker))?.bake == work.activated_bake
      }
    }
  }
}
