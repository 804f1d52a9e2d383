import ArtifactStore
import Commerce
import Console
import Foundation
import Messages
import NightjarClient
import RPC
import Testing

@Suite("A trainer killed at any point of a night", .serialized, .timeLimit(.minutes(10)))
struct FaultTests {
  /// The points of a tenant-night, as `Training.Stages` names them.
  static let points = [
    "leased", "snapshotRead", "searched", "judged", "ordered", "refitted", "listsWritten", "modelWritten", "published",
    "completed",
  ]

  @Test("leaves no half-published version and no lost tenant", arguments: points)
  func killed(at point: String) async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      let control = try cluster.channel(.control, as: "admin-cli")
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      let ranker = try cluster.channel(.ranker, as: "platform-cli")
      try await Shop.large.open("large", control: control, ingest: ingest)
      try await cluster.startTrainer("node-1", fault: point)
      let started = try await control.call(ControlService.runNight) { $0.as_of_us = Shop.asOf }
      #expect(await cluster.end(of: "trainer-node-1") == .killed(signal: SIGKILL))
      try expectWholeArtifacts(in: cluster)
      let between = try await control.call(ControlService.listVersions) { $0.tenant = "large" }
      #expect(between.list(\.n_versions, \.versions).count == (point == "completed" ? 1 : 0))

      try await cluster.startTrainer("node-2")
      try await eventually("the night ends") {
        try await control.call(ControlService.getNight) { $0.night = started.id }.finished_at_us > 0
      }
      let work = try await control.call(ControlService.getNight) { $0.night = started.id }.list(\.n_work, \.work)[0]
      #expect(work.state == .done && work.attempts == (point == "completed" ? 1 : 2))
      let versions = try await control.call(ControlService.listVersions) { $0.tenant = "large" }
      let live = versions.list(\.n_versions, \.versions).filter { $0.state == .live }
      #expect(live.count == 1)
      // What is live is whole, and what the dead one left is whole or cannot be seen.
      let digest = try #require(ArtifactDigest(hex: live.first?.manifest_digest ?? ""))
      let store = ArtifactDirectory(root: "\(cluster.folder)/store")
      #expect(try store.verify(tenant: TenantID("large"), digest: digest).bake == live.first?.bake)
      try expectWholeArtifacts(in: cluster)
      try await eventually("lists") { (try? await recommend("large", "c1", ranker))?.bake == live.first?.bake }
    }
  }

  private func expectWholeArtifacts(in cluster: Cluster) throws {
    let store = ArtifactDirectory(root: "\(cluster.folder)/store")
    guard FileManager.default.fileExists(atPath: "\(cluster.folder)/store") else { return }
    for tenant in try store.tenants() {
      for digest in try store.artifacts(of: tenant) { _ = try store.verify(tenant: tenant, digest: digest) }
    }
  }
}
