import Commerce
import Foundation
import Messages
import NightjarClient
import Operations
import RPC
import Synchronization
import Testing
import Transport

@testable import Ranking

/// A ranker with its server and its channel to control, over real sockets; stopped by `stop()`.
final class RunningRanker: Sendable {
  let log = LogBook()
  let metrics = Metrics()
  private let server: Server
  private let following: Task<Void, Never>
  private let control: ServiceClient
  private let platform: Channel

  init(
    _ scratch: Scratch, control port: UInt16, cache: String = "cache",
    cacheBytes: UInt64? = nil, servedBytes: Int? = nil
  ) throws {
    let log = log
    var options = Ranker.Options(store: scratch.file("store"), cache: scratch.file(cache))
    if let cacheBytes { options.cacheBytes = cacheBytes }
    if let servedBytes { options.servedBytes = servedBytes }
    let ranker = try Ranker(options, logger: log.logger, now: { Timestamp.wallClock() })
    ranker.show(in: metrics)
    var router = Router()
    ranker.install(in: &router)
    let server = try Server(
      role: .ranker, address: SocketAddress(parsing: "127.0.0.1:0"), certificates: Certificates.files("ranker-a"),
      router: router, reactors: 2, interceptors: [CallLog(log.logger)], tenantDomain: "ranker.example",
      logger: log.logger)
    let control = try ServiceClient(
      to: [SocketAddress(parsing: "127.0.0.1:\(port)")], expecting: .control, serverName: nil,
      certificates: Certificates.files("ranker-a"), logger: log.logger)
    self.server = server
    self.control = control
    following = Task { await ranker.follow(control, shippingTo: nil, for: server) }
    platform = try Self.channel(to: server.port, as: "platform-cli")
  }

  private static func channel(to port: UInt16, as identity: String, serverName: String? = nil) throws -> Channel {
    try Channel(
      to: SocketAddress(parsing: "127.0.0.1:\(port)"), expecting: .ranker, serverName: serverName ?? "localhost",
      certificates: Certificates.files(identity), logger: LogBook().logger)
  }

  /// Another caller's channel.
  func channel(as identity: String, serverName: String? = nil) throws -> Channel {
    try Self.channel(to: server.port, as: identity, serverName: serverName)
  }

  func recommend(
    _ customer: String = "c0", tenant: String = "uk", limit: UInt32 = 3, through channel: Channel? = nil
  ) async throws -> View<Proto.GetRecommendationsResponse> {
    try await (channel ?? platform).call(RankerService.getRecommendations) { request in
      request.tenant = tenant
      request.customer = customer
      request.limit = limit
    }
  }

  /// The error that a call ends with.
  func refusal(
    _ customer: String = "c0", tenant: String = "uk", limit: UInt32 = 3, through channel: Channel? = nil
  ) async throws -> RPCError {
    let error = await #expect(throws: RPCError.self) {
      _ = try await self.recommend(customer, tenant: tenant, limit: limit, through: channel)
    }
    return try #require(error)
  }

  /// The bake that answers now; nil while there is none.
  func bake(_ tenant: String = "uk") async -> String? {
    try? await recommend(tenant: tenant).bake
  }

  /// Whether `/metrics` has the line.
  func shows(_ line: String) -> Bool {
    metrics.exposition().split(separator: "\n").contains { $0 == line }
  }

  /// How a call is answered now; nil while it is not.
  func outcome(_ tenant: String) async -> Proto.Outcome? {
    try? await recommend(tenant: tenant).outcome
  }

  func serves(_ tenants: [String]) async -> Bool {
    for tenant in tenants where await bake(tenant) == nil { return false }
    return true
  }

  func stop() async {
    following.cancel()
    await following.value
    await control.close()
    await platform.close()
    await server.shutdown(grace: .seconds(1))
  }
}

/// Runs `body` with a store, a control and a ranker, and stops what is running at the end.
func withRanker(
  _ body: (Bakery, FakeControl.State, RunningRanker) async throws -> Void
) async throws {
  let scratch = try Scratch()
  let control = try FakeControl()
  let ranker = try RunningRanker(scratch, control: control.server.port)
  do { try await body(Bakery(scratch), control.state, ranker) } catch is CancellationError {}
  await ranker.stop()
  await control.server.shutdown(grace: .zero)
}

extension View<Proto.GetRecommendationsResponse> {
  var products: [String] { list(\.n_items, \.items).map(\.product) }
}
