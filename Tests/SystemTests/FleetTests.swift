import Console
import Foundation
import Messages
import NightjarClient
import RPC
import Testing

@Suite("A fleet of trainers", .serialized, .timeLimit(.minutes(10)))
struct FleetTests {
  private static let tenants = (1...6).map { "shop-\($0)" }

  private func progress(_ night: UInt64, _ control: Channel) async throws -> View<Proto.NightProgress> {
    let answer = try await control.call(ControlService.getNight) { request in
      request.night = night
      request.progress_only = true
    }
    return try #require(answer.progress)
  }

  @Test("one trainer killed, another told to stop in the middle of a night: no tenant is lost, and none in quarantine")
  func killedAndStopped() async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      let control = try cluster.channel(.control, as: "admin-cli")
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      for tenant in Self.tenants { try await Shop.large.open(tenant, control: control, ingest: ingest) }
      for name in ["node-1", "node-2"] { try await cluster.startTrainer(name, ["--grace-seconds", "0"]) }
      let night = try await control.call(ControlService.runNight) { $0.as_of_us = Shop.asOf }.id
      try await eventually("both trainers are at work") { try await progress(night, control).running == 2 }

      await cluster.signal("trainer-node-2", SIGTERM)
      await cluster.signal("trainer-node-1", SIGKILL)
      #expect(await cluster.end(of: "trainer-node-2") == .exited(0))
      let left = try await progress(night, control)
      #expect(left.done < Self.tenants.count && left.failed == 0)

      try await cluster.startTrainer("node-2")
      try await eventually("the night ends") {
        try await control.call(ControlService.getNight) { $0.night = night }.finished_at_us > 0
      }
      let work = try await control.call(ControlService.getNight) { $0.night = night }.list(\.n_work, \.work)
      #expect(work.map(\.tenant) == Self.tenants && work.allSatisfy { $0.state == .done })
      // Only the killed trainer's lease ran out; what the other had went back uncounted.
      #expect(work.count { $0.attempts == 2 } <= 1 && work.allSatisfy { $0.attempts <= 2 })
      for tenant in Self.tenants {
        let versions = try await control.call(ControlService.listVersions) { $0.tenant = tenant }
        #expect(versions.list(\.n_versions, \.versions).count { $0.state == .live } == 1)
        let row = try await control.call(ControlService.getTenant) { $0.id = tenant }
        #expect(row.quarantine == nil && row.failures == 0)
      }

      // The same data again, written twice: nobody is trained, until one row is new.
      try await Shop.large.record(Shop.large.purchases(), Self.tenants[0], ingest)
      var more = Shop.large.purchases()[0]
      more = Shop.Purchase(id: "new", customer: more.customer, product: more.product, time: more.time)
      try await Shop.large.record([more], Self.tenants[1], ingest)
      let second = try await control.call(ControlService.runNight) { $0.as_of_us = Shop.asOf + Shop.day }.id
      try await eventually("the second night ends") {
        try await control.call(ControlService.getNight) { $0.night = second }.finished_at_us > 0
      }
      let again = try await progress(second, control)
      #expect(again.done == 1 && again.unchanged == Self.tenants.count - 1)
    }
  }

  @Test("a trainer that would take more of the machine than there is does not start, and says what fits")
  func tooManyThreads() async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      await #expect(throws: (any Error).self) { try await cluster.startTrainer("node-1", ["--threads", "4096"]) }
      #expect(cluster.log(of: "trainer-node-1").contains("--threads 4096"))
      #expect(await cluster.end(of: "trainer-node-1") == .exited(1))
    }
  }
}
