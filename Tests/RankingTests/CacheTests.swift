import ArtifactStore
import Commerce
import Foundation
import Messages
import RankedLists
import Testing

@testable import Ranking

@Suite("What a ranker keeps on its disk", .serialized)
struct CacheTests {
  private func held(_ tenant: String, _ name: String, _ bytes: UInt64, usedAt: Int64) throws -> ArtifactDirectory.Held {
    ArtifactDirectory.Held(
      tenant: try TenantID(tenant), digest: SHA256Digest(of: Array(name.utf8)), bytes: bytes, usedAt: usedAt)
  }

  private func key(_ held: ArtifactDirectory.Held) -> CacheLedger.Key {
    .init(tenant: held.tenant, digest: held.digest)
  }

  @Test("what nobody routes to goes, the longest unused first, until the rest is within the limit; the rest never")
  func surplus() throws {
    let (uk, france) = (try TenantID("uk"), try TenantID("france"))
    let (a, b) = (try held("uk", "a", 40, usedAt: 3), try held("uk", "b", 30, usedAt: 1))
    let (c, d) = (try held("france", "c", 20, usedAt: 2), try held("france", "d", 10, usedAt: 9))
    func ledger(_ limit: UInt64) -> CacheLedger {
      let ledger = CacheLedger(limit: limit)
      ledger.set([a, b], of: uk)
      ledger.set([c, d], of: france)
      return ledger
    }
    #expect(ledger(100).excess == 0 && ledger(100).surplus(except: []) == [])
    #expect(ledger(99).excess == 1 && ledger(99).surplus(except: []) == [key(b)])
    #expect(ledger(70).surplus(except: []) == [key(b)])
    #expect(ledger(69).surplus(except: []) == [key(b), key(c)])
    #expect(ledger(69).surplus(except: [key(b)]) == [key(c), key(a)])
    #expect(ledger(0).surplus(except: Set([a, b, c, d].map(key))) == [])
    #expect(ledger(0).surplus(except: []) == [key(b), key(c), key(a), key(d)])
    let changing = ledger(50)
    changing.set([a], of: uk)
    #expect(changing.bytes == 70)
    changing.set([], of: france)
    #expect(changing.bytes == 40 && changing.surplus(except: []) == [])
  }

  private func cached(_ scratch: Scratch, _ tenant: String) -> Set<String> {
    Set((try? FileManager.default.contentsOfDirectory(atPath: scratch.file("cache/artifacts/\(tenant)"))) ?? [])
  }

  @Test("routed artifacts over the limit are all kept, and the ranker says so; nothing else is kept then")
  func overLimit() async throws {
    let scratch = try Scratch()
    let control = try FakeControl()
    let ranker = try RunningRanker(scratch, control: control.server.port, cacheBytes: 1_000)
    let bakery = Bakery(scratch)
    let (first, second, third) = (try bakery.bake("b-1"), try bakery.bake("b-2"), try bakery.bake("b-3"))
    control.state.say(route(arms: [first]))
    try await eventually("it is served") { await ranker.bake() == "b-1" }
    try await eventually("it says so") { ranker.log.contains("more than the cache may hold") }
    let halves = [first, second].enumerated().map { number, arm in
      Ranking.Route.Arm(id: "\(number)", model: arm.model, bake: arm.bake, digest: arm.digest, weight: 500_000)
    }
    control.state.say(route(arms: halves, salt: "s"))
    try await eventually("both arms answer") {
      var bakes: Set<String> = []
      for customer in 0..<20 { bakes.insert(try await ranker.recommend("c\(customer)").bake) }
      return bakes == ["b-1", "b-2"]
    }
    let both = Set([first, second].compactMap { $0.digest?.description })
    try await eventually("both are kept") { cached(scratch, "uk") == both }
    #expect(!ranker.shows("nightjar_ranker_cache_excess_bytes 0"))
    control.state.say(route(arms: [third]))
    try await eventually("nothing but what is routed to is kept") {
      await ranker.bake() == "b-3" && cached(scratch, "uk") == Set([third].compactMap { $0.digest?.description })
    }
    await ranker.stop()
    await control.server.shutdown(grace: .zero)
  }

  @Test("at a restart, what is of tenants that went meanwhile is removed, their overlays too, and the rest is counted")
  func stock() async throws {
    let scratch = try Scratch()
    let control = try FakeControl()
    let bakery = Bakery(scratch)
    let overlay = Encoded<Proto.Overlay> { $0.strings(\.n_withdrawn, \.withdrawn, ["nothing"]) }
    let digest = control.state.keep(overlay)
    control.state.say(route(arms: [try bakery.bake("b-1")], overlay: digest))
    let france = try bakery.bake("b-1", tenant: "france")
    control.state.say("france", route("france", arms: [france], overlay: digest))
    let first = try RunningRanker(scratch, control: control.server.port)
    try await eventually("both are served") { await first.serves(["uk", "france"]) }
    let overlays = {
      ["uk", "france"].map { FileManager.default.fileExists(atPath: scratch.file("cache/overlays/\($0)")) }
    }
    try await eventually("the overlays are on disk") { overlays() == [true, true] }
    await first.stop()
    control.state.restoreBackup(without: "france")
    // As if the ranker had been away when the tenant went.
    try FileManager.default.removeItem(atPath: scratch.file("cache/routing"))
    let second = try RunningRanker(scratch, control: control.server.port)
    try await eventually("uk is served") { await second.bake() == "b-1" }
    try await eventually("what was France's is gone") {
      cached(scratch, "france").isEmpty && overlays() == [true, false]
    }
    #expect(!cached(scratch, "uk").isEmpty)
    try await eventually("the rest is counted") {
      !second.shows("nightjar_ranker_cache_bytes 0") && second.shows("nightjar_ranker_cache_excess_bytes 0")
    }
    await second.stop()
    await control.server.shutdown(grace: .zero)
  }
}
