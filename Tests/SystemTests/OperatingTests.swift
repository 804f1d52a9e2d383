import Commerce
import Console
import Foundation
import Glibc
import Messages
import NightjarClient
import RPC
import Synchronization
import Testing
import Transport

@Suite("Operating it, over real processes", .serialized, .timeLimit(.minutes(5)))
struct OperatingTests {
  private static let lookup = "nightjar.v1.Ranker/GetRecommendations"

  @Test("a ranker's metrics count its calls by method and code, with their time and bytes")
  func metrics() async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      try await cluster.startTrainer("node-1")
      let control = try cluster.channel(.control, as: "admin-cli")
      try await Shop.small.open("small", control: control, ingest: try cluster.channel(.ingest, as: "platform-cli"))
      try await night(Shop.asOf, control)
      let ranker = try cluster.channel(.ranker, as: "platform-cli")
      try await eventually("adoption") { (try? await recommend("small", "c1", ranker)) != nil }

      let before = try await cluster.metrics(of: "ranker")
      for _ in 0..<7 { _ = try await recommend("small", "c1", ranker) }
      let stranger = try cluster.channel(.ranker, as: "trainer-node-1")
      for _ in 0..<3 {
        let error = await #expect(throws: RPCError.self) { try await recommend("small", "c1", stranger) }
        #expect(error?.code == .permissionDenied)
      }
      let after = try await cluster.metrics(of: "ranker")
      func growth(_ series: String) -> Double { (after[series] ?? .nan) - (before[series] ?? 0) }
      #expect(growth("nightjar_rpc_calls_total{code=\"OK\",method=\"\(Self.lookup)\"}") == 7)
      #expect(growth("nightjar_rpc_calls_total{code=\"PERMISSION_DENIED\",method=\"\(Self.lookup)\"}") == 3)
      #expect(growth("nightjar_rpc_call_seconds_count{method=\"\(Self.lookup)\"}") == 10)
      #expect(growth("nightjar_rpc_call_seconds_bucket{method=\"\(Self.lookup)\",le=\"+Inf\"}") == 10)
      #expect(growth("nightjar_rpc_call_seconds_sum{method=\"\(Self.lookup)\"}") > 0)
      #expect(growth("nightjar_rpc_request_bytes_total{method=\"\(Self.lookup)\"}") > 7 * 10)
      #expect(growth("nightjar_rpc_response_bytes_total{method=\"\(Self.lookup)\"}") > 7 * 50)
      #expect(after["nightjar_rpc_calls_in_flight{method=\"\(Self.lookup)\"}"] == 0)
      #expect(try #require(after["nightjar_rpc_connections_open"]) >= 2)
      #expect(growth("nightjar_rpc_connections_accepted_total") == 1)
      #expect(growth("nightjar_rpc_handshakes_done_total") == 1)
      #expect(growth("nightjar_rpc_handshakes_failed_total") == 0)
      for depth in ["handshakes_under_way", "handlers_running", "blocking_calls", "unsent_bytes"] {
        #expect(try #require(after["nightjar_rpc_\(depth)"]) >= 0)
      }
      #expect(try #require(after["nightjar_certificate_expiry_seconds"]) > 29 * 86_400)
      try await eventually("refusals are logged") {
        cluster.log(of: "ranker-a").contains("\"code\":\"PERMISSION_DENIED\"")
      }
    }
  }

  @Test("an overlay holds within a second, over an export too, and the rankers hear of its end")
  func overlay() async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      try await cluster.startTrainer("node-1")
      let control = try cluster.channel(.control, as: "admin-cli")
      try await Shop.small.open("small", control: control, ingest: try cluster.channel(.ingest, as: "platform-cli"))
      try await night(Shop.asOf, control)
      let ranker = try cluster.channel(.ranker, as: "platform-cli")
      try await eventually("adoption") { (try? await recommend("small", "c1", ranker)) != nil }
      let best = try await recommend("small", "c1", ranker).list(\.n_items, \.items).map(\.product)
      let unwanted = try #require(best.first)

      _ = try await control.call(ControlService.setOverlay) { request in
        request.tenant = "small"
        request.message(\.overlay) { $0.strings(\.n_withdrawn, \.withdrawn, [unwanted]) }
      }
      try await eventually("the withdrawal", within: .seconds(1)) {
        try await recommend("small", "c1", ranker).list(\.n_items, \.items).first?.product == best.dropFirst().first
      }
      let call = try await ranker.stream(RankerService.exportRecommendations)
      try await call.send { $0.tenant = "small" }
      try await call.finish()
      var lists: [View<Proto.ExportedList>] = []
      for try await message in call.responses { lists += message.list(\.n_lists, \.lists) }
      #expect(lists.contains { $0.customer == "c1" } && Set(lists.map(\.customer)).count == lists.count)
      #expect(!lists.contains { $0.list(\.n_items, \.items).contains { $0.product == unwanted } })
      _ = try await control.call(ControlService.setOverlay) { request in
        request.tenant = "small"
        request.message(\.overlay) { _ in }
      }
      try await eventually("its end", within: .seconds(1)) {
        try await recommend("small", "c1", ranker).list(\.n_items, \.items).map(\.product) == best
      }
    }
  }

  @Test("new certificates are taken under load, on SIGHUP and by themselves, and no call fails")
  func renewal() async throws {
    try await Cluster.run { cluster in
      try await cluster.start("ingest")
      let standing = try cluster.channel(.ingest, as: "platform-cli")
      let calls = Load()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          while !calls.isOver {
            await calls.count { try await standing.call(IngestService.describe) { $0.tenant = "nobody" } }
          }
        }
        // Every call of these shakes hands.
        for _ in 0..<2 {
          group.addTask { [address = cluster.address("ingest"), folder = cluster.folder] in
            while !calls.isOver {
              let channel = try Channel(
                to: SocketAddress(parsing: address), expecting: .ingest, serverName: nil,
                certificates: Self.files("platform-cli", in: folder), logger: .init(label: "test"))
              await calls.count { try await channel.call(IngestService.describe) { $0.tenant = "nobody" } }
              await channel.close()
            }
          }
        }
        try await renew("ingest", days: 60, in: cluster)
        await cluster.signal("ingest-a", SIGHUP)
        try await eventually("the reload on SIGHUP") { try await daysLeft("ingest", in: cluster) > 50 }
        let passed = calls.made
        try await renew("ingest", days: 90, in: cluster)
        try await eventually("the reload by itself") { try await daysLeft("ingest", in: cluster) > 80 }
        try await eventually("calls after it") { calls.made > passed + 20 }
        calls.stop()
        try await group.waitForAll()
      }
      #expect(calls.failures == [])
      #expect(cluster.log(of: "ingest-a").contains("certificates reloaded"))
    }
  }

  @Test("a revoked caller is kept out as soon as the list is there, others are not")
  func revocation() async throws {
    try await Cluster.run { cluster in
      try await cluster.start("ingest")
      func describe(as identity: String) async throws {
        _ = try await cluster.channel(.ingest, as: identity).call(IngestService.describe) { $0.tenant = "nobody" }
      }
      try await describe(as: "platform-cli")
      let certificates = "\(cluster.folder)/certificates"
      try await shell(
        """
        cd '\(certificates)' && touch ../index.txt && printf '%s\\n' '[ca]' 'default_ca=d' '[d]' \
          'database=../index.txt' 'default_md=sha256' 'default_crl_days=1' > ../ca.conf
        for what in '-revoke platform-cli.pem' '-gencrl -out ../crl.pem'; do
          openssl ca -config ../ca.conf -keyfile ca-key.pem -cert ca.pem $what || exit 1
        done
        mv ../crl.pem crl.pem
        """, in: cluster)
      try await eventually("the list is in force") { cluster.log(of: "ingest-a").contains("crl.pem") }
      await #expect(throws: RPCError.self) { try await describe(as: "platform-cli") }
      try await describe(as: "admin-cli")
      try await eventually("the refusal is logged") { cluster.log(of: "ingest-a").contains("certificate revoked") }
    }
  }

  private static func files(_ identity: String, in folder: String) -> CertificateFiles {
    let stem = "\(folder)/certificates/\(identity)"
    return CertificateFiles(
      chain: "\(stem).pem", key: "\(stem)-key.pem", authorities: "\(folder)/certificates/ca.pem")
  }

  private func daysLeft(_ service: String, in cluster: Cluster) async throws -> Double {
    try await cluster.metrics(of: service)["nightjar_certificate_expiry_seconds"].map { $0 / 86_400 } ?? 0
  }

  /// Gives the service a new certificate and key by the same authority.
  private func renew(_ service: String, days: Int, in cluster: Cluster) async throws {
    try await shell(
      """
      rm '\(cluster.folder)/certificates/\(service)-a.pem'
      NIGHTJAR_CERTIFICATE_DAYS=\(days) '\(Cluster.source("deploy/dev-certificates.sh"))' \
        '\(cluster.folder)/certificates' \(service)/a
      """, in: cluster)
  }

  private func shell(_ script: String, in cluster: Cluster) async throws {
    let shell = try ChildProcess(
      name: "shell", executable: "/bin/sh", arguments: ["-c", script], log: "\(cluster.folder)/shell.log")
    let end = await shell.ended()
    #expect(end == .exited(0), "\((try? String(contentsOfFile: shell.log, encoding: .utf8)) ?? "")")
  }
}

/// Counts calls, and keeps what the failed ones failed with.
private final class Load: Sendable {
  private let state = Mutex((made: 0, failures: [String](), isOver: false))

  var made: Int { state.withLock { $0.made } }
  var failures: [String] { state.withLock { $0.failures } }
  var isOver: Bool { state.withLock { $0.isOver } }

  func stop() { state.withLock { $0.isOver = true } }

  func count<R>(_ call: () async throws -> R) async {
    var failure: String?
    do {
      _ = try await call()
    } catch {
      failure = "\(error)"
    }
    state.withLock { state in
      state.made += 1
      if let failure { state.failures.append(failure) }
    }
  }
}
