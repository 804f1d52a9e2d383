import Commerce
import Foundation
import Logging
import Messages
import NightjarClient
import Operations
import RPC
import Synchronization
import Testing
import Transport

@Suite("What was served, over real processes", .serialized, .timeLimit(.minutes(10)))
struct ServedTests {
  /// A cluster with lists for the tenants, under which `body` runs.
  private func serving(
    _ tenants: [String], _ more: [String] = [], _ body: (Cluster) async throws -> Void
  ) async throws {
    try await Cluster.run(more) { cluster in
      try await cluster.startServices()
      try await cluster.startTrainer("node-1")
      let control = try cluster.channel(.control, as: "admin-cli")
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      for tenant in tenants { try await Shop.small.open(tenant, control: control, ingest: ingest) }
      try await night(Shop.asOf, control)
      let ranker = try cluster.channel(.ranker, as: "platform-cli")
      for tenant in tenants {
        try await eventually("lists of \(tenant)") { (try? await recommend(tenant, "c1", ranker)) != nil }
      }
      try await body(cluster)
    }
  }

  private func resolve(
    _ id: String, of tenant: String = "shop", _ ingest: Channel
  ) async throws -> View<Proto.ResolveRecommendationResponse> {
    try await ingest.call(IngestService.resolveRecommendation) { request in
      request.tenant = tenant
      request.recommendation_id = id
    }
  }

  /// Waits until an id resolves.
  private func resolved(
    _ id: String, of tenant: String = "shop", _ ingest: Channel
  ) async throws -> View<Proto.ResolveRecommendationResponse> {
    var found: View<Proto.ResolveRecommendationResponse>?
    try await eventually("\(id) resolves") {
      do { found = try await resolve(id, of: tenant, ingest) } catch let error as RPCError {
        guard error.code == .notFound || error.code == .unavailable else { throw error }
      }
      return found != nil
    }
    return try #require(found)
  }

  /// What clients were answered: customer by recommendation id.
  private final class Answers: Sendable {
    private let answers = Mutex<[String: String]>([:])

    func add(_ id: String, _ customer: String) { answers.withLock { $0[id] = customer } }
    var count: Int { answers.withLock { $0.count } }
    var all: [String: String] { answers.withLock { $0 } }
  }

  /// Asks without a pause, several at once, until the ranker is gone.
  private static func ask(_ channels: [Channel], _ answers: Answers) async {
    await withTaskGroup(of: Void.self) { group in
      for (number, channel) in channels.enumerated() {
        for lane in 0..<4 {
          group.addTask {
            var customer = number + lane
            while !Task.isCancelled {
              customer = (customer + 1) % 10
              guard let answer = try? await recommend("shop", "c\(customer)", channel, limit: 5) else { return }
              answers.add(answer.recommendation_id, "c\(customer)")
            }
          }
        }
      }
    }
  }

  @Test("kill -9 of the ranker under load loses none: every id that a client received resolves after its restart")
  func rankerKilled() async throws {
    try await serving(["shop"]) { cluster in
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      let answers = Answers()
      for round in 1...3 {
        let channels = try (0..<4).map { _ in try cluster.channel(.ranker, as: "platform-cli") }
        let load = Task { await Self.ask(channels, answers) }
        try await eventually("answers of round \(round)") { answers.count >= 4_000 * round }
        await cluster.signal("ranker-a", SIGKILL)
        await load.value
        try await cluster.start("ranker")
        let ranker = try cluster.channel(.ranker, as: "platform-cli")
        try await eventually("it answers again") { (try? await recommend("shop", "c1", ranker)) != nil }
      }
      let all = answers.all
      for (id, customer) in all { #expect(try await resolved(id, ingest).customer == customer) }
      try await eventually("it says that it has none left") {
        try await cluster.metrics(of: "ranker")["nightjar_ranker_served_pending_bytes"] == 0
      }
      let metrics = try await cluster.metrics(of: "ranker")
      for reason in ["ring", "limit", "disk", "refused"] {
        #expect(metrics["nightjar_ranker_served_dropped_total{reason=\"\(reason)\"}"] == 0, "\(reason)")
      }
      // Those that the client never saw are there besides; nothing is there twice.
      let counted = try await ingest.call(IngestService.describe) { $0.tenant = "shop" }.served
      #expect(counted >= UInt64(all.count))
      print("kill -9, three times: \(all.count) answers received, \(counted) counted at ingest")
    }
  }

  @Test("while ingest is down the ranker answers on, and ingest has all of it when it is back")
  func ingestDown() async throws {
    try await serving(["shop"]) { cluster in
      let ranker = try cluster.channel(.ranker, as: "platform-cli")
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      await cluster.signal("ingest-a", SIGKILL)
      var ids: [String] = []
      for number in 0..<500 {
        ids.append(try await recommend("shop", "c\(number % 10)", ranker).recommendation_id)
      }
      try await eventually("records wait") {
        let metrics = try await cluster.metrics(of: "ranker")
        return metrics["nightjar_ranker_served_pending_bytes", default: 0] > 100_000
          && metrics["nightjar_ranker_served_oldest_seconds", default: 0] > 0
      }
      try await cluster.start("ingest")
      for id in ids { #expect(try await resolved(id, ingest).answer?.recommendation_id == id) }
    }
  }

  @Test("a call hedged over two rankers counts once, and the id that the client has resolves to what it saw")
  func hedged() async throws {
    try await serving(["shop"], ["ranker/b"]) { cluster in
      let ingest = try cluster.channel(.ingest, as: "platform-cli")
      try await cluster.start("ranker", named: "b")
      let addresses = [cluster.address("ranker"), cluster.address("ranker-b")]
      let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      let second = try Channel(
        to: SocketAddress(parsing: addresses[1]), expecting: .ranker, serverName: nil,
        certificates: cluster.certificates("platform-cli"), logger: quiet)
      try await eventually("the second serves") { (try? await recommend("shop", "c1", second)) != nil }
      try await eventually("what was asked until now has arrived") {
        try await cluster.metrics(of: "ranker")["nightjar_ranker_served_pending_bytes"] == 0
      }
      let last = try await recommend("shop", "c1", second).recommendation_id
      _ = try await resolved(last, ingest)
      let before = try await ingest.call(IngestService.describe) { $0.tenant = "shop" }.served

      let client = try RankerClient(
        addresses: addresses, certificates: cluster.certificates("platform-cli"), hedging: Hedging(after: .zero),
        logger: quiet)
      let tenant = try TenantID("shop")
      var answers: [Recommendations] = []
      for number in 0..<200 {
        answers.append(
          try await client.recommendations(tenant: tenant, customer: CustomerID("c\(number % 10)"), limit: 5))
      }
      #expect(Set(answers.map(\.id)).count == 200)
      let served = try IngestClient(
        addresses: [cluster.address("ingest")], certificates: cluster.certificates("platform-cli"), tenant: tenant,
        logger: quiet)
      for (number, answer) in answers.enumerated() {
        _ = try await resolved(answer.id.rawValue, ingest)
        let found = try await served.served(answer.id)
        #expect(found.customer.rawValue == "c\(number % 10)" && found.answer.items == answer.items)
        #expect(found.answer.source?.bake == answer.source?.bake)
      }
      // Both rankers have brought what they have.
      for channel in [try cluster.channel(.ranker, as: "platform-cli"), second] {
        _ = try await resolved(try await recommend("shop", "c2", channel).recommendation_id, ingest)
      }
      let after = try await ingest.call(IngestService.describe) { $0.tenant = "shop" }.served
      #expect(after == before + 202)
      let attempts = try await cluster.metrics(of: "ranker")["nightjar_ranker_served_records_total"]
      print("hedged: 200 calls, \(after - before - 2) counted; the first ranker alone answered \(attempts ?? 0) in all")
      await client.close()
      await served.close()
      await second.close()
    }
  }

  @Test("impressions and pins come with the recommendation; nobody resolves another tenant's, no ranker does else")
  func rights() async throws {
    try await serving(["shop", "other"], ["tenant/shop", "tenant/other"]) { cluster in
      let ranker = try cluster.channel(.ranker, as: "tenant-shop")
      let ingest = try cluster.channel(.ingest, as: "tenant-shop")
      let plain = try await ranker.call(RankerService.getRecommendations) { request in
        request.tenant = "shop"
        request.customer = "c3"
      }
      let pin = try #require(plain.list(\.n_items, \.items).last?.product)
      let answer = try await ranker.call(RankerService.getRecommendations) { request in
        request.tenant = "shop"
        request.customer = "c3"
        request.channel = .pull
        request.strings(\.n_pin, \.pin, [pin])
      }
      let items = answer.list(\.n_items, \.items).map(\.product)
      _ = try await resolved(answer.recommendation_id, ingest)
      let call = try await ingest.stream(IngestService.recordEvents)
      try await call.send { request in
        request.tenant = "shop"
        request.list(\.n_events, \.events, of: items.prefix(2)) { event, product in
          event.id = "shown-\(product)"
          event.customer = "c3"
          event.product = product
          event.kind = .impression
          event.occurred_at_us = Timestamp.wallClock().microseconds
          event.recommendation_id = answer.recommendation_id
        }
      }
      try await call.finish()
      for try await written in call.responses { #expect(written.judgedRows == 2) }
      let served = try await resolve(answer.recommendation_id, ingest)
      #expect(served.customer == "c3" && served.channel == .pull)
      #expect(served.answer?.list(\.n_items, \.items).map(\.product) == items && items.first == pin)
      #expect(served.answer?.bake == answer.bake && served.answer?.propensity == answer.propensity)
      let reactions = served.list(\.n_reactions, \.reactions)
      #expect(reactions.map(\.kind) == [.override, .impression, .impression])
      #expect(reactions.map(\.product) == [pin] + items.prefix(2))

      let other = try cluster.channel(.ingest, as: "tenant-other")
      let platform = try cluster.channel(.ingest, as: "platform-cli")
      await expect(.permissionDenied) { _ = try await resolve(answer.recommendation_id, other) }
      await expect(.notFound) { _ = try await resolve(answer.recommendation_id, of: "other", other) }
      await expect(.notFound) { _ = try await resolve(answer.recommendation_id, of: "other", platform) }
      await expect(.invalidArgument) { _ = try await resolve("no id", of: "other", platform) }
      let asRanker = try cluster.channel(.ingest, as: "ranker-a")
      await expect(.permissionDenied) { _ = try await resolve(answer.recommendation_id, asRanker) }
      await expect(.permissionDenied) { _ = try await asRanker.call(IngestService.describe) { $0.tenant = "shop" } }
      await expect(.permissionDenied) {
        _ = try await asRanker.call(IngestService.upsertCustomers) { $0.tenant = "shop" }
      }
      for caller in [ingest, platform] {
        await expect(.permissionDenied) { _ = try await caller.call(IngestService.recordServed) { $0.tenant = "shop" } }
      }
    }
  }

  private func expect(
    _ code: StatusCode, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
  ) async {
    await #expect(sourceLocation: sourceLocation) {
      try await body()
    } throws: {
      ($0 as? RPCError)?.code == code
    }
  }
}
