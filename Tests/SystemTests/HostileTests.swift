import Commerce
import Foundation
import Glibc
import Messages
import NightjarClient
import RPC
import Testing
import Transport

@Suite("Hostile neighbours, over real processes", .serialized, .timeLimit(.minutes(5)))
struct HostileTests {
  @Test("one tenant's damaged database costs that tenant its night, and nobody else theirs")
  func damagedTenant() async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      let control = try cluster.channel(.control, as: "admin-cli")
      let platform = try cluster.channel(.ingest, as: "platform-cli")
      // The damaged one is the first that control turns to.
      for tenant in ["a-damaged", "b-sound"] { try await Shop.small.open(tenant, control: control, ingest: platform) }
      await cluster.signal("ingest-a", SIGKILL)
      let database = "\(cluster.folder)/ingest/tenants/a-damaged.sqlite"
      for path in [database, database + "-wal"] where FileManager.default.fileExists(atPath: path) {
        try Data(repeating: 0xa5, count: 8_192).write(to: URL(filePath: path))
      }
      try await cluster.start("ingest")
      try await cluster.startTrainer("node-1")
      // After three failures it is in quarantine.
      for state in [Proto.WorkState.failed, .quarantined] {
        let night = try await night(Shop.asOf, control)
        #expect(night.list(\.n_work, \.work).map(\.tenant) == ["a-damaged", "b-sound"])
        #expect(night.list(\.n_work, \.work).map(\.state) == [state, .done])
      }
    }
  }

  /// What a stolen or stretched grant would be used for.
  enum Misuse: CaseIterable, Sendable {
    case otherTenant, otherTrainer, otherTime, otherWatermark, changedGrant, changedSignature, foreignCertificate, none
  }

  @Test("a grant opens one snapshot to one trainer")
  func grants() async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      let control = try cluster.channel(.control, as: "admin-cli")
      let platform = try cluster.channel(.ingest, as: "platform-cli")
      for tenant in ["mine", "yours"] { try await Shop.small.open(tenant, control: control, ingest: platform) }
      _ = try await control.call(ControlService.runNight) {
        $0.as_of_us = Shop.asOf
        $0.strings(\.n_tenants, \.tenants, ["mine"])
      }
      let trainer = try cluster.channel(.control, as: "trainer-node-1")
      let lease = try #require(try await trainer.call(ControlService.leaseWork) { $0.wait_ms = 10_000 }.lease)
      for misuse in Misuse.allCases {
        let reader = try cluster.channel(.ingest, as: misuse == .otherTrainer ? "trainer-node-2" : "trainer-node-1")
        if misuse == .none {
          #expect(try await snapshot(lease, misuse, reader) > 0)
        } else {
          let error = await #expect(throws: RPCError.self, "\(misuse)") { try await snapshot(lease, misuse, reader) }
          #expect(error?.code == .permissionDenied, "\(misuse)")
        }
      }
    }
  }

  /// Customers in the snapshot.
  private func snapshot(_ lease: View<Proto.Lease>, _ misuse: Misuse, _ reader: Channel) async throws -> Int {
    let signed = try #require(lease.grant)
    var (grant, signature, certificate) = (signed.grant, signed.signature, signed.certificate)
    switch misuse {
    case .changedGrant: grant = grant.replacing(Array("mine".utf8), with: Array("yours".utf8))
    case .changedSignature: signature[signature.count - 1] ^= 1
    case .foreignCertificate: certificate = []
    default: break
    }
    let call = try await reader.stream(IngestService.streamSnapshot)
    try await call.send { request in
      request.tenant = misuse == .otherTenant ? "yours" : lease.tenant
      request.as_of_us = lease.as_of_us + (misuse == .otherTime ? 1 : 0)
      request.watermark = lease.watermark - (misuse == .otherWatermark ? 1 : 0)
      request.message(\.grant) { ($0.grant, $0.signature, $0.certificate) = (grant, signature, certificate) }
    }
    try await call.finish()
    var customers = 0
    for try await chunk in call.responses { customers += chunk.list(\.n_customers, \.customers).count }
    return customers
  }

  @Test("a certificate whose name only looks like a tenant's opens nothing", arguments: ["Shop", "shop."])
  func lookalikes(name: String) async throws {
    try await Cluster.run(["tenant/\(name)"]) { cluster in
      try await cluster.startServices()
      let control = try cluster.channel(.control, as: "admin-cli")
      try await Shop.small.open("shop", control: control, ingest: cluster.channel(.ingest, as: "platform-cli"))
      let ingest = try cluster.channel(.ingest, as: "tenant-\(name)")
      let ranker = try cluster.channel(.ranker, as: "tenant-\(name)")
      for tenant in ["shop", name] {
        let described = await #expect(throws: RPCError.self) {
          _ = try await ingest.call(IngestService.describe) { $0.tenant = tenant }.events
        }
        let found = await #expect(throws: RPCError.self) { _ = try await recommend(tenant, "c1", ranker) }
        #expect(described?.code == (tenant == "shop" ? .permissionDenied : .invalidArgument))
        #expect(found?.code == (tenant == "shop" ? .permissionDenied : .notFound) || found?.code == .unavailable)
      }
    }
  }

  @Test("numbers at the ends of what they can hold are answered, and the services go on")
  func extremes() async throws {
    try await Cluster.run(["tenant/shop"]) { cluster in
      try await cluster.startServices()
      let control = try cluster.channel(.control, as: "admin-cli")
      let platform = try cluster.channel(.ingest, as: "platform-cli")
      try await Shop.small.open("shop", control: control, ingest: platform)
      let trainer = try cluster.channel(.control, as: "trainer-node-1")
      let ranker = try cluster.channel(.control, as: "ranker-a")
      for time in [Int64.min, -1, 0, .max] {
        await refused { _ = try await control.call(ControlService.runNight) { $0.as_of_us = time } }
        _ = try await control.call(ControlService.readJournal) {
          $0.tenant = "shop"
          $0.until_us = time
        }
        _ = try await ranker.call(ControlService.reportServing) { request in
          request.list(\.n_facts, \.facts, of: [time]) { fact, time in
            fact.tenant = "shop"
            fact.state = .stopped
            fact.at_us = time
          }
        }
      }
      for number in [UInt64.max, UInt64(Int64.max) + 1] {
        await refused { _ = try await control.call(ControlService.getNight) { $0.night = number } }
        await refused {
          _ = try await control.call(ControlService.setMode) {
            $0.tenant = "shop"
            $0.mode = .frozen
            $0.expected_generation = number
          }
        }
        await refused {
          _ = try await trainer.call(ControlService.renewLease) { request in
            request.tenant = "shop"
            request.message(\.fence) { ($0.epoch, $0.number) = (number, number) }
          }
        }
        let watch = try await ranker.stream(ControlService.watchRouting)
        try await watch.send { $0.message(\.resume) { ($0.epoch, $0.number) = (number, number) } }
        var updates = watch.responses.makeAsyncIterator()
        #expect(try await updates.next() != nil)
        watch.cancel()
      }
      await refused { _ = try await control.call(ControlService.listTenants) { $0.page_size = .max } }
      await refused { _ = try await trainer.call(ControlService.leaseWork) { $0.wait_ms = .max } }
      try await events(at: [.min, -1, 0, .max], platform)
      #expect(try await control.call(ControlService.getTenant) { $0.id = "shop" }.id == "shop")
      #expect(try await platform.call(IngestService.describe) { $0.tenant = "shop" }.events > 0)
    }
  }

  @Test("a tenant that sends and never reads its answers stops itself and nobody else")
  func unreadAnswers() async throws {
    try await Cluster.run(["tenant/evil"]) { cluster in
      try await cluster.start("ingest")
      let evil = try cluster.channel(.ingest, as: "tenant-evil")
      let platform = try cluster.channel(.ingest, as: "platform-cli")
      try await withThrowingTaskGroup(of: Void.self) { group in
        let (sent, feed) = AsyncStream.makeStream(of: Void.self)
        for _ in 0..<Self.unreadStreams {
          group.addTask {
            let call = try await evil.stream(IngestService.recordEvents)
            while !Task.isCancelled {
              try await call.send { request in
                request.tenant = "evil"
                // Each is rejected with a reason, which makes the answer large.
                request.list(\.n_events, \.events, of: 0..<5_000) { event, _ in event.id = "e" }
              }
              feed.yield()
            }
          }
        }
        var batches = 0
        for await _ in sent {
          batches += 1
          if batches == Self.unreadStreams { break }
        }
        let written = try await platform.call(IngestService.upsertCustomers) { request in
          request.tenant = "good"
          request.list(\.n_customers, \.customers, of: ["c"]) { $0.id = $1 }
        }
        #expect(written.judgedRows == 1)
        #expect(try await Shop.small.record(Shop.small.purchases(), "good", platform) == 50)
        group.cancelAll()
        while await group.nextResult() != nil {}
      }
    }
  }

  private static let unreadStreams = 64

  /// Every row is rejected by its time, quantity or money.
  private func events(at times: [Int64], _ platform: Channel) async throws {
    let call = try await platform.stream(IngestService.recordEvents)
    try await call.send { request in
      request.tenant = "shop"
      request.list(\.n_events, \.events, of: times) { event, time in
        (event.id, event.customer, event.product, event.kind) = ("e\(time)", "c", "p", .purchase)
        event.occurred_at_us = time
        event.quantity = time
        event.message(\.revenue) { ($0.minor_units, $0.currency) = (time, "GBP") }
      }
    }
    try await call.finish()
    for try await answer in call.responses {
      #expect(answer.scalars(\.n_verdicts, \.verdicts) == times.map { _ in .rejected })
    }
  }

  private func refused(_ body: () async throws -> Void) async {
    let error = await #expect(throws: RPCError.self) { try await body() }
    #expect([.invalidArgument, .notFound, .aborted, .failedPrecondition].contains(error?.code))
  }
}
