import Commerce
import Foundation
import Messages
import NightjarClient
import RPC
import Testing
import Transport

@Suite("Who may do what, over real processes", .serialized, .timeLimit(.minutes(5)))
struct RightsTests {
  private func expect(_ code: StatusCode, _ what: Comment, _ body: () async throws -> Void) async {
    await #expect(what) {
      try await body()
    } throws: {
      ($0 as? RPCError)?.code == code
    }
  }

  @Test("a tenant sees its own, a trainer what it holds a grant for, a role what it is for; refusals are logged")
  func rights() async throws {
    try await Cluster.run(["tenant/large", "tenant/other", "ingest/b"]) { cluster in
      try await cluster.startServices()
      let control = try cluster.channel(.control, as: "admin-cli")
      let platform = try cluster.channel(.ingest, as: "platform-cli")
      try await Shop.small.open("large", control: control, ingest: platform)
      try await Shop.small.open("other", control: control, ingest: platform)

      let tenant = try cluster.channel(.ingest, as: "tenant-large")
      #expect(try await tenant.call(IngestService.describe) { $0.tenant = "large" }.events > 0)
      await expect(.permissionDenied, "another tenant's data") {
        _ = try await tenant.call(IngestService.describe) { $0.tenant = "other" }
      }
      let lookups = try cluster.channel(.ranker, as: "tenant-large")
      await expect(.permissionDenied, "another tenant's lists") { _ = try await recommend("other", "c1", lookups) }
      let named = try cluster.channel(.ranker, as: "platform-cli", serverName: "large.ranker.example")
      await expect(.permissionDenied, "another tenant than the server name's") {
        _ = try await recommend("other", "c1", named)
      }

      let trainer = try cluster.channel(.ingest, as: "trainer-node-1")
      await expect(.permissionDenied, "a snapshot without a grant") {
        let call = try await trainer.stream(IngestService.streamSnapshot)
        try await call.send { request in
          request.tenant = "large"
          request.as_of_us = Shop.asOf
          request.watermark = 10
        }
        try await call.finish()
        for try await _ in call.responses {}
      }
      await expect(.permissionDenied, "a trainer does not write") {
        _ = try await trainer.call(IngestService.upsertCustomers) { $0.tenant = "large" }
      }
      let asTrainer = try cluster.channel(.control, as: "trainer-node-1")
      await expect(.permissionDenied, "a trainer does not set modes") {
        _ = try await asTrainer.call(ControlService.setMode) { request in
          request.tenant = "large"
          request.mode = .off
        }
      }
      try await eventually("refusals are logged") {
        cluster.log(of: "ranker-a").contains("tenant/large") && cluster.log(of: "ingest-a").contains("trainer/node-1")
      }
    }
  }

  @Test("a server with another role's certificate is not believed")
  func impostor() async throws {
    try await Cluster.run { cluster in
      try await cluster.start("ingest")
      // The ingest process stands where control is expected.
      let address = try SocketAddress(parsing: cluster.address("ingest"))
      let certificates = "\(cluster.folder)/certificates"
      let channel = try Channel(
        to: address, expecting: .control, serverName: nil,
        certificates: CertificateFiles(
          chain: "\(certificates)/admin-cli.pem", key: "\(certificates)/admin-cli-key.pem",
          authorities: "\(certificates)/ca.pem"), logger: .init(label: "test"))
      await expect(.unavailable, "an ingest certificate is not control's") {
        _ = try await channel.call(ControlService.getTenant) { $0.id = "large" }
      }
      await channel.close()
    }
  }
}
