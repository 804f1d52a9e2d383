import Commerce
import Console
import Foundation
import Glibc
import Logging
import Messages
import NightjarClient
import RPC
import Synchronization
import Testing
import Transport

/// What rankers do when what they depend on fails, over real processes.
@Suite("Rankers in trouble, over real processes", .serialized, .timeLimit(.minutes(10)))
struct RankerFaultTests {
  private struct Site {
    let control: Channel
    let ingest: Channel
    let ranker: Channel
  }

  /// A cluster with lists of the first night served; the tenant is `small`.
  private func withSite(
    ranker more: (Cluster) throws -> [String] = { _ in [] }, identities: [String] = [],
    _ body: (Cluster, Site) async throws -> Void
  ) async throws {
    try await Cluster.run(identities) { cluster in
      try await cluster.start("ingest")
      try await cluster.start("control")
      try await cluster.start("ranker", more(cluster))
      try await cluster.startTrainer("node-1")
      let site = Site(
        control: try cluster.channel(.control, as: "admin-cli"),
        ingest: try cluster.channel(.ingest, as: "platform-cli"),
        ranker: try cluster.channel(.ranker, as: "platform-cli"))
      try await Shop.small.open("small", control: site.control, ingest: site.ingest)
      try await night(Shop.asOf, site.control)
      try await eventually("the first lists") { (try? await recommend("small", "c1", site.ranker)) != nil }
      try await body(cluster, site)
    }
  }

  private func setMode(_ mode: Proto.Mode, _ site: Site) async throws {
    _ = try await site.control.call(ControlService.setMode) { request in
      request.tenant = "small"
      request.mode = mode
    }
  }

  /// What the journal tells of the ranker and a bake.
  private func journal(_ site: Site, tells state: Proto.ServingState, of bake: String) async throws -> String? {
    try await site.control.call(ControlService.readJournal) { $0.tenant = "small" }
      .list(\.n_served, \.served).first { $0.state == state && $0.bake == bake }?.reason
  }

  private static let answered =
    "nightjar_rpc_calls_total{code=\"OK\",method=\"nightjar.v1.Ranker/GetRecommendations\"}"

  private static func tenants(_ state: String) -> String { "nightjar_ranker_tenants{state=\"\(state)\"}" }

  @Test("restarted with control, ingest and store down, a ranker answers from its cache, in the mode that it was told")
  func everythingDown() async throws {
    try await withSite { cluster, site in
      let before = try await recommend("small", "c1", site.ranker)
      for (mode, outcome) in [(Proto.Mode.frozen, Proto.Outcome.fallback), (.off, .off)] {
        try await setMode(mode, site)
        try await eventually("mode \(mode.rawValue)", within: .seconds(1)) {
          let answer = try await recommend("small", "c1", site.ranker)
          return answer.outcome == outcome && answer.frozen == (mode == .frozen)
        }
        for process in ["control-a", "ingest-a", "ranker-a"] { await cluster.signal(process, SIGKILL) }
        let store = "\(cluster.folder)/store"
        try FileManager.default.moveItem(atPath: store, toPath: store + "-away")
        try await cluster.start("ranker")
        try await eventually("it answers") { (try? await recommend("small", "c1", site.ranker))?.outcome == outcome }
        let after = try await recommend("small", "c1", site.ranker)
        #expect(after.frozen == (mode == .frozen))
        if mode == .frozen {
          #expect(after.bake == before.bake)
          #expect(
            after.list(\.n_items, \.items).map(\.product) == before.list(\.n_items, \.items).map(\.product))
        }
        try FileManager.default.moveItem(atPath: store + "-away", toPath: store)
        try await cluster.start("ingest")
        try await cluster.start("control")
        try await eventually("control is back") {
          (try? await site.control.call(ControlService.getTenant) { $0.id = "small" })?.mode == mode
        }
      }
    }
  }

  @Test("a mode holds at a connected ranker within a second")
  func modes() async throws {
    try await withSite { _, site in
      for mode in [Proto.Mode.frozen, .off, .on, .off, .frozen, .on] {
        try await setMode(mode, site)
        try await eventually("mode \(mode.rawValue)", within: .seconds(1)) {
          let answer = try await recommend("small", "c1", site.ranker)
          return (answer.outcome == .off) == (mode == .off) && answer.frozen == (mode == .frozen)
        }
      }
    }
  }

  @Test(
    "a full disk: the old lists go on, health, metrics and journal say so, and the new ones come once there is room")
  func fullDisk() async throws {
    var disk: FullDisk?
    defer { disk?.remove() }
    try await withSite { cluster in
      disk = try FullDisk(at: "\(cluster.folder)/cache")
      return []
    } _: { cluster, site in
      let first = try await recommend("small", "c1", site.ranker).bake
      #expect(try await cluster.health(of: "ranker") == ["serving"])
      let ranker = try #require(cluster.pid(of: "ranker-a"))
      try disk?.fill(for: ranker)
      let second = try await night(Shop.asOf + Shop.day, site.control).list(\.n_work, \.work)[0].activated_bake
      try await refused(second, cluster, site)
      #expect(try await recommend("small", "c1", site.ranker).bake == first)
      try disk?.free(for: ranker)
      try await adopted(second, cluster, site)
    }
  }

  @Test(
    "an unreachable store: the old lists go on, health, metrics and journal say so, and the new ones come with the store"
  )
  func storeAway() async throws {
    try await withSite { cluster, site in
      let first = try await recommend("small", "c1", site.ranker).bake
      // The ranker hears of the new lists only when the store is away.
      await cluster.signal("ranker-a", SIGSTOP)
      let second = try await night(Shop.asOf + Shop.day, site.control).list(\.n_work, \.work)[0].activated_bake
      let store = "\(cluster.folder)/store"
      try FileManager.default.moveItem(atPath: store, toPath: store + "-away")
      await cluster.signal("ranker-a", SIGCONT)
      try await refused(second, cluster, site)
      #expect(try await recommend("small", "c1", site.ranker).bake == first)
      // Rolling back to what is still in the cache needs no store.
      try await activate(first, site)
      try await adopted(first, cluster, site)
      try await activate(second, site)
      try await refused(second, cluster, site)
      try FileManager.default.moveItem(atPath: store + "-away", toPath: store)
      try await adopted(second, cluster, site)
    }
  }

  private func activate(_ bake: String, _ site: Site) async throws {
    let tenant = try await site.control.call(ControlService.getTenant) { $0.id = "small" }
    _ = try await site.control.call(ControlService.activate) { request in
      request.tenant = "small"
      request.bake = bake
      request.expected_generation = tenant.generation
      request.hold = .untilReleased
    }
  }

  private func refused(_ bake: String, _ cluster: Cluster, _ site: Site) async throws {
    try await eventually("the refusal in the journal") {
      try await journal(site, tells: .refused, of: bake)?.isEmpty == false
    }
    try await eventually("the metric and the health say so") {
      let (metrics, health) = (try await cluster.metrics(of: "ranker"), try await cluster.health(of: "ranker"))
      return metrics[Self.tenants("refused")] == 1 && metrics[Self.tenants("served")] == 0
        && health.first == "serving" && health.count == 2 && health[1].hasPrefix("1 tenants: ")
    }
  }

  private func adopted(_ bake: String, _ cluster: Cluster, _ site: Site) async throws {
    try await eventually("bake \(bake)") { try await recommend("small", "c1", site.ranker).bake == bake }
    try await eventually("metrics, health and journal say so") {
      let (metrics, health) = (try await cluster.metrics(of: "ranker"), try await cluster.health(of: "ranker"))
      let fact = try await journal(site, tells: .adopted, of: bake)
      return metrics[Self.tenants("served")] == 1 && health == ["serving"] && fact != nil
    }
  }

  @Test("two rankers behind the client: one is killed under load, and no call with a second to answer fails")
  func killedUnderLoad() async throws {
    try await withSite(identities: ["ranker/b:*.ranker.example"]) { cluster, site in
      try await cluster.start("ranker", named: "b")
      for identity in 0..<19 {
        _ = try await site.control.call(ControlService.createTenant) { $0.id = "off-\(identity)" }
        _ = try await site.control.call(ControlService.setMode) { request in
          request.tenant = "off-\(identity)"
          request.mode = .off
        }
      }
      let client = try RankerClient(
        addresses: [cluster.address("ranker"), cluster.address("ranker-b")],
        certificates: cluster.certificates("platform-cli"),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      let tenants = try ["small"] + (0..<19).map { try TenantID("off-\($0)").rawValue }
      // Both answer for all tenants, whichever the client sends them to.
      for ranker in ["ranker", "ranker-b"] {
        try await eventually("\(ranker) serves") {
          let metrics = try await cluster.metrics(of: ranker)
          return metrics[Self.tenants("served")] == 1 && metrics[Self.tenants("off")] == 19
        }
      }
      let load = Calls()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for lane in 0..<8 {
          group.addTask {
            var turn = lane
            while !load.isOver {
              turn += 1
              let tenant = try TenantID(tenants[turn % tenants.count])
              await load.count {
                _ = try await client.recommendations(
                  tenant: tenant, customer: CustomerID("c\(turn % 10)"), timeout: .seconds(1))
              }
            }
          }
        }
        for ranker in ["a", "b"] {
          let before = load.made
          try await eventually("calls before the kill") { load.made > before + 500 }
          await cluster.signal("ranker-\(ranker)", SIGKILL)
          let killed = load.made
          try await eventually("calls after the kill") { load.made > killed + 500 }
          try await cluster.start("ranker", named: ranker)
          // The client goes back to it by itself.
          try await eventually("ranker \(ranker) answers again") {
            let metrics = try await cluster.metrics(of: ranker == "a" ? "ranker" : "ranker-b")
            return metrics[Self.tenants("served")] == 1 && metrics[Self.answered] ?? 0 > 200
          }
        }
        load.end()
        try await group.waitForAll()
      }
      await client.close()
      #expect(load.failures == [])
    }
  }
}

/// Counts calls, and keeps what the failed ones failed with.
private final class Calls: Sendable {
  private let state = Mutex((made: 0, failures: [String](), isOver: false))

  var made: Int { state.withLock { $0.made } }
  var failures: [String] { state.withLock { $0.failures } }
  var isOver: Bool { state.withLock { $0.isOver } }

  func end() { state.withLock { $0.isOver = true } }

  func count(_ call: () async throws -> Void) async {
    var failure: String?
    do { try await call() } catch { failure = "\(error)" }
    state.withLock { state in
      state.made += 1
      if let failure { state.failures.append(failure) }
    }
  }
}
