import Commerce
import Foundation
import Messages
import RankedLists
import Testing

@testable import Ranking

@Suite("Routing")
struct RoutingTests {
  private static let arm = Route.Arm(
    id: "a", model: "m", bake: "b", digest: SHA256Digest(of: [1]), weight: 1_000_000)

  private func update(_ number: UInt64, _ change: RoutingUpdate.Change) -> RoutingUpdate {
    RoutingUpdate(revision: RoutingRevision(epoch: 1, number: number), change: change)
  }

  private func parsed(_ tenant: String, mode: Proto.Mode = .on, arms: [Route.Arm] = []) throws -> Route {
    try Route(validating: route(tenant, mode: mode, arms: arms).decode())
  }

  @Test("inside a table the point to resume does not move; at its end, what it did not name is gone")
  func table() throws {
    let (uk, france) = (try parsed("uk"), try parsed("france"))
    var table = RoutingTable()
    #expect(table.apply(update(1, .route(uk))) == [uk.tenant])
    #expect(!table.isWhole && table.revision == nil)
    #expect(table.apply(update(2, .tableEnd(isWhole: true))).isEmpty)
    #expect(table.isWhole && table.revision?.number == 2)

    table.beginStream()
    #expect(table.apply(update(3, .route(france))) == [france.tenant])
    #expect(table.revision?.number == 2)
    #expect(table.apply(update(3, .tableEnd(isWhole: true))) == [uk.tenant])
    #expect(Set(table.routes.keys) == [france.tenant] && table.revision?.number == 3)

    table.beginStream()
    #expect(table.apply(update(4, .tableEnd(isWhole: false))).isEmpty)
    #expect(Set(table.routes.keys) == [france.tenant])
    #expect(table.apply(update(5, .route(france))).isEmpty)
    #expect(table.apply(update(6, .tombstone(france.tenant))) == [france.tenant])
    #expect(table.apply(update(7, .tombstone(france.tenant))).isEmpty)
    #expect(table.routes.isEmpty && table.revision?.number == 7)
  }

  @Test("new arms of a tenant are told from all else that changes of it")
  func armsAlone() throws {
    let uk = try parsed("uk", arms: [Self.arm])
    var table = RoutingTable(routes: [uk], revision: RoutingRevision(epoch: 1, number: 1))
    let lists = Route.Arm(id: "a", model: "m", bake: "b2", digest: SHA256Digest(of: [2]), weight: 1_000_000)
    let renewed = try parsed("uk", arms: [lists])
    #expect(table.changesArmsAlone(update(2, .route(renewed))))
    let others: [RoutingUpdate.Change] = [
      .route(try parsed("uk", mode: .off, arms: [lists])), .route(try parsed("france", arms: [lists])),
      .route(try Route(validating: route("uk", arms: [Self.arm], salt: "new").decode())),
      .route(
        try Route(
          validating: route("uk", arms: [Self.arm], overlay: String(repeating: "ab", count: 32)).decode())),
      .route(try Route(validating: route("uk", arms: [Self.arm], businessOffset: 1).decode())),
      .tombstone(uk.tenant), .tableEnd(isWhole: true),
    ]
    for change in others { #expect(!table.changesArmsAlone(update(2, change)), "\(change)") }
    table = RoutingTable()
    _ = table.apply(update(1, .route(uk)))
    #expect(!table.changesArmsAlone(update(2, .route(renewed))), "a table that is not whole is not saved")
  }

  @Test("a route that cannot be followed names its tenant, which keeps the route it has")
  func unreadable() throws {
    let uk = try parsed("uk")
    var table = RoutingTable(routes: [uk], revision: RoutingRevision(epoch: 1, number: 1))
    table.beginStream()
    #expect(table.apply(update(2, .unreadable(uk.tenant, InvalidField(field: "mode", reason: "is 9")))).isEmpty)
    #expect(table.apply(update(2, .tableEnd(isWhole: true))).isEmpty)
    #expect(table.routes[uk.tenant] == uk)
  }

  @Test("what a route may not say")
  func validation() throws {
    let half = Route.Arm(id: "a", model: "m", bake: "b", digest: nil, weight: 500_000)
    let long = Route.Arm(
      id: "a", model: "m", bake: String(repeating: "b", count: 129), digest: nil, weight: 1_000_000)
    let wrong: [(Encoded<Proto.Route>, String)] = [
      (route("Not a label", arms: []), "tenant"), (route(mode: .unknown, arms: []), "mode"),
      (route(arms: [half]), "arms"), (route(arms: [half, half, half]), "arms"),
      (route(arms: Array(repeating: half, count: 17)), "arms"), (route(arms: [long]), "arms[0].id"),
    ]
    for (route, field) in wrong {
      let error = #expect(throws: InvalidField.self) { _ = try Route(validating: route.decode()) }
      #expect(error?.field == field)
    }
    #expect(try parsed("uk", arms: [half, half]).digests.isEmpty)
  }

  @Test("the file gives the table back, and not a byte of it can be flipped or cut unseen")
  func file() throws {
    let scratch = try Scratch()
    let file = RoutingFile(path: scratch.file("routing"))
    #expect(try file.load() == nil)
    try file.save(RoutingTable())
    #expect(try file.load() == nil)
    let routes = [try parsed("uk", mode: .frozen, arms: [Self.arm]), try parsed("france", mode: .off)]
    try file.save(RoutingTable(routes: routes, revision: RoutingRevision(epoch: 3, number: 9)))
    let loaded = try #require(try file.load())
    #expect(Set(loaded.routes.values.map(\.encoded.bytes)) == Set(routes.map(\.encoded.bytes)))
    #expect(loaded.revision == RoutingRevision(epoch: 3, number: 9) && loaded.isWhole)

    var content = try bytes(of: file.path)
    for position in content.indices {
      content[position] ^= 0x20
      try write(content, to: file.path)
      #expect(throws: (any Error).self, "byte \(position)") { _ = try file.load() }
      content[position] ^= 0x20
      try write(Array(content[..<position]), to: file.path)
      #expect(throws: (any Error).self, "\(position) bytes") { _ = try file.load() }
    }
  }

  @Test("delays double, stay in bounds and spread")
  func backoff() {
    let backoff = Backoff(first: .milliseconds(100), longest: .seconds(5))
    #expect(backoff.delay(afterFailures: 0) == .zero)
    for failures in 1...100 {
      let full = min(Duration.milliseconds(100) * (1 << min(failures - 1, 20)), .seconds(5))
      let delays = (0..<20).map { _ in backoff.delay(afterFailures: failures) }
      #expect(delays.allSatisfy { $0 >= full / 2 && $0 <= full })
      #expect(Set(delays).count > 1)
    }
  }
}
