import ArtifactStore
import Foundation
import Learning
import Messages
import Operations
import RPC
import RankedLists
import Testing
import Transport

@testable import Training

@Suite struct TrainerTests {
  private func run(
    _ script: FakeServices.Script, in scratch: Scratch,
    until isDone: @escaping @Sendable (FakeServices.Heard) -> Bool = { !$0.completed.isEmpty || !$0.failures.isEmpty }
  ) async throws -> FakeServices.Heard {
    let services = FakeServices(script, store: scratch.storePath)
    try await services.train(until: isDone)
    return services.heard
  }

  /// A live version whose artifact lies in the store.
  private func champion(_ recipe: Recipe = .als, in scratch: Scratch) throws -> (
    version: Encoded<Proto.Version>, digest: ArtifactDigest
  ) {
    let older = Night(
      data: try SampleTenant().data(),
      cuts: .init(asOf: SampleTenant.asOf - 7 * SampleTenant.day, horizonDays: 28), seed: 3)
    let published = try Bake(
      tenant: shop,
      trained: try older.train(recipe), file: nil, model: "m-1", bake: "b-1", night: older, watermark: 5,
      listsBought: false
    ).publish(to: scratch.store, .unwatched)
    let version = Encoded<Proto.Version> {
      $0.bake = "b-1"
      $0.model = "m-1"
      $0.manifest_digest = "\(published.digest)"
    }
    return (version, published.digest)
  }

  private func candidates(_ heard: FakeServices.Heard) -> [String]? {
    heard.reports.last?.list(\.n_candidates, \.candidates).map(\.candidate)
  }

  @Test("a night is leased, judged, baked, published and completed")
  func wholeNight() async throws {
    let scratch = try Scratch()
    let heard = try await run(.init(orders: ["als", "popularity"]), in: scratch)
    #expect(candidates(heard) == ["als", "popularity"])
    let completed = try #require(heard.completed.first)
    #expect(completed.tenant == "shop" && completed.fence?.number == 5)
    let bakes = completed.list(\.n_bakes, \.bakes)
    #expect(bakes.map(\.bake) == ["als-bake", "popularity-bake"])
    for bake in bakes {
      let digest = try #require(ArtifactDigest(hex: bake.manifest_digest))
      let manifest = try scratch.store.verify(tenant: shop, digest: digest)
      #expect(manifest.bake == bake.bake && manifest.customers == bake.customers && bake.customers == 60)
    }
    #expect(heard.failures.isEmpty && heard.reports.count == 1)
    // One product is withdrawn already, another comes on sale later.
    #expect(heard.availabilityChanges == [300 * SampleTenant.day])
  }

  @Test("a complete night removes what is old and cannot be live again; without a list of what can, nothing")
  func tidying() async throws {
    let scratch = try Scratch()
    let (_, kept) = try champion(in: scratch)
    let (_, orphan) = try champion(.popularity, in: scratch)
    let (_, young) = try champion(.neighbours, in: scratch)
    let store = scratch.store
    func present() throws -> Set<ArtifactDigest> { try Set(store.artifacts(of: shop)) }
    for digest in [kept, orphan] {
      let folder = URL(filePath: store.path(tenant: shop, digest: digest, file: .lists)).deletingLastPathComponent()
      try FileManager.default.setAttributes([.modificationDate: Date.now - 36 * 86_400], ofItemAtPath: folder.path)
    }
    _ = try await run(.init(), in: scratch)
    #expect(try present().isSuperset(of: [kept, orphan, young]))
    let heard = try await run(.init(kept: ["\(kept)"]), in: scratch)
    let digests = heard.completed.flatMap { $0.list(\.n_bakes, \.bakes).map(\.manifest_digest) }
    #expect(digests.count == 1)
    #expect(try present() == Set([kept, young] + digests.compactMap { ArtifactDigest(hex: $0) }))
    #expect(heard.failures.isEmpty)
  }

  @Test("a lease that keeps what is no digest is not begun")
  func wrongDigest() async throws {
    let heard = try await run(.init(kept: ["../uk"]), in: Scratch())
    #expect(heard.kinds == [.surroundings] && heard.failures.first?.contains("'../uk' is not a digest") == true)
  }

  @Test("a snapshot stream that breaks is taken up where it stood")
  func brokenStream() async throws {
    let heard = try await run(.init(breaks: [0, 2, 4]), in: Scratch())
    #expect(heard.streams == [0, 0, 2, 4])
    #expect(heard.completed.count == 1 && heard.reports.first?.events == 1_800)
  }

  @Test("a snapshot that will not come is given back with the reason")
  func noSnapshot() async throws {
    let heard = try await run(.init(breaks: [Int](repeating: 1, count: 20)), in: Scratch())
    #expect(heard.streams.count == Limits.snapshotAttempts)
    #expect(heard.failures.first?.contains("as the script says") == true && heard.reports.isEmpty)
    #expect(heard.kinds == [.surroundings])
  }

  @Test(
    "a snapshot that ingest gives to nobody, for a clock or a certificate that is wrong, speaks against no tenant",
    arguments: [StatusCode.permissionDenied, .unauthenticated, .unimplemented])
  func refusedSnapshot(code: StatusCode) async throws {
    let heard = try await run(.init(snapshotError: code), in: Scratch())
    #expect(heard.kinds == [.surroundings] && heard.failures.first?.contains("not for you") == true)
  }

  @Test("a snapshot with rows missing is given back with the reason")
  func shortSnapshot() async throws {
    var script = FakeServices.Script()
    script.chunks.remove(at: 2)
    let heard = try await run(script, in: Scratch())
    #expect(heard.failures.first?.contains("promised") == true && heard.completed.isEmpty)
    #expect(heard.kinds == [.work])
  }

  @Test("a report that control does not take at once is made again")
  func stubbornReport() async throws {
    let heard = try await run(.init(reportErrors: [.unavailable, .deadlineExceeded]), in: Scratch())
    #expect(heard.reports.count == 1 && heard.completed.count == 1)
  }

  @Test("the lease is renewed while there is work, and the snapshot asked for with the newest grant")
  func renewal() async throws {
    var script = FakeServices.Script()
    script.ttl = .seconds(3)
    script.breaks = [1]
    script.renewalsBeforeBreak = 1
    let heard = try await run(script, in: Scratch())
    #expect(heard.renewals >= 1 && heard.completed.count == 1)
    #expect(heard.grants.count == 2 && heard.grants[0] == [0] && heard.grants[1] != [0])
  }

  @Test("work stops when the lease is lost, and nothing is published or completed")
  func lostLease() async throws {
    let scratch = try Scratch()
    var script = FakeServices.Script()
    script.ttl = .milliseconds(900)
    script.renewalError = .failedPrecondition
    script.onReport = { try? await Task.sleep(for: .seconds(30)) }
    let heard = try await run(script, in: scratch, until: { $0.renewals > 0 && $0.leases > 1 })
    #expect(heard.completed.isEmpty && heard.failures.isEmpty)
    #expect(try scratch.store.artifacts(of: shop).isEmpty)
  }

  @Test("a graceful stop lets the night under way finish, and takes no other")
  func gracefulStop() async throws {
    let heard = try await run(.init(), in: Scratch(), until: { !$0.streams.isEmpty })
    #expect(heard.leases == 1 && heard.completed.count == 1)
  }

  @Test("a night that the grace of a stop does not suffice for is given back, and nothing is published")
  func handedBack() async throws {
    let scratch = try Scratch()
    var script = FakeServices.Script()
    script.grace = .zero
    script.onReport = { try? await Task.sleep(for: .seconds(30)) }
    let heard = try await run(script, in: scratch, until: { !$0.reports.isEmpty })
    #expect(heard.kinds == [.givenBack] && heard.leases == 1 && heard.completed.isEmpty)
    #expect(try scratch.store.artifacts(of: shop).isEmpty)
  }

  @Test(
    "a tenant that would take more memory than the trainer may use is refused with the figure, before a byte is read")
  func tooLarge() async throws {
    var script = FakeServices.Script()
    script.memory = ByteCount(512 << 20)
    script.events = 10_000_000
    let heard = try await run(script, in: Scratch())
    #expect(heard.kinds == [.tooLarge] && heard.streams.isEmpty)
    #expect(heard.needed == [MemoryEstimate(customers: 0, products: 0, events: 10_000_000).bytes])
    #expect(heard.failures.first?.contains("more than the 512.0 MiB") == true)
  }

  @Test("a tenant that turns out larger than its lease told is refused likewise, before anything is learned of it")
  func largerThanTold() async throws {
    let actual = MemoryEstimate(customers: 60, products: 40, events: 1_800).bytes
    let heard = try await run(.init(memory: ByteCount(actual - 1)), in: Scratch())
    #expect(heard.kinds == [.tooLarge] && heard.needed == [actual])
    #expect(heard.streams.count == 1 && heard.reports.isEmpty)
  }

  @Test(
    "a champion of any kind is judged beside the others, and baked with the very model file it has",
    arguments: [Recipe.als, .neighbours, .ease, .popularity])
  func judgedChampion(recipe: Recipe) async throws {
    let scratch = try Scratch()
    let (version, digest) = try champion(recipe, in: scratch)
    let heard = try await run(.init(champion: version, orders: ["champion"]), in: scratch)
    #expect(candidates(heard) == ["als", "popularity", "champion"])
    #expect(heard.reports.first?.champion_problem == "")
    #expect(heard.reports.first?.list(\.n_candidates, \.candidates).map(\.recipe).last == recipe.name)
    let baked = try #require(
      ArtifactDigest(hex: heard.completed.first?.list(\.n_bakes, \.bakes).first?.manifest_digest ?? ""))
    let files = try [digest, baked].map {
      try Data(contentsOf: URL(filePath: scratch.store.path(tenant: shop, digest: $0, file: .model)))
    }
    #expect(files[0] == files[1] && digest != baked)
  }

  @Test("a frozen tenant's live model is baked anew and nothing is trained")
  func rebake() async throws {
    let scratch = try Scratch()
    let (version, _) = try champion(in: scratch)
    let heard = try await run(.init(kind: .rebake, champion: version, orders: ["champion"]), in: scratch)
    #expect(candidates(heard) == [] && heard.completed.count == 1)
  }

  @Test("a champion whose artifact is damaged or gone is reported, and the night goes on", arguments: [true, false])
  func damagedChampion(isGone: Bool) async throws {
    let scratch = try Scratch()
    let (version, digest) = try champion(in: scratch)
    if isGone {
      try scratch.store.remove(tenant: shop, digest: digest)
    } else {
      let path = scratch.store.path(tenant: shop, digest: digest, file: .model)
      var bytes = Array(try Data(contentsOf: URL(filePath: path)))
      bytes[bytes.count / 2] ^= 1
      try FileManager.default.removeItem(atPath: path)
      try Data(bytes).write(to: URL(filePath: path))
    }
    let heard = try await run(.init(champion: version), in: scratch)
    #expect(candidates(heard) == ["als", "popularity"] && heard.completed.count == 1)
    #expect(heard.reports.first?.champion_problem.contains("\(digest)") == true)
  }

  @Test("a lease that this trainer does not understand is given back, and speaks against no tenant")
  func unknownLease() async throws {
    let heard = try await run(.init(kind: Proto.WorkKind(rawValue: 9)), in: Scratch())
    #expect(heard.kinds == [.surroundings] && heard.failures.first?.contains("update the trainer") == true)
    #expect(heard.streams.isEmpty)
  }

  @Test("while the store is away no champion is taken for lost: the night is given back before anything is judged")
  func storeAway() async throws {
    let scratch = try Scratch()
    let (version, _) = try champion(in: scratch)
    try FileManager.default.removeItem(atPath: scratch.storePath)
    try Data().write(to: URL(filePath: scratch.storePath))
    let heard = try await run(.init(champion: version), in: scratch)
    #expect(heard.kinds == [.surroundings] && heard.reports.isEmpty)
  }

  @Test("an order for a champion that cannot be baked is given back with the reason")
  func impossibleOrder() async throws {
    let version = Encoded<Proto.Version> { $0.manifest_digest = String(repeating: "0", count: 64) }
    let heard = try await run(.init(kind: .rebake, champion: version, orders: ["champion"]), in: Scratch())
    #expect(heard.failures.first?.contains("no such artifact") == true && heard.completed.isEmpty)
  }

  @Test("a tenant below the floor gets popularity's lists, flagged, and no verdict on figures")
  func dataFloor() async throws {
    let scratch = try Scratch()
    var script = FakeServices.Script(orders: ["popularity"])
    script.chunks = SampleTenant(customers: 5, purchases: 10).chunks()
    let heard = try await run(script, in: scratch)
    #expect(heard.reports.first?.data_floor == true && candidates(heard) == [])
    let bake = try #require(heard.completed.first?.list(\.n_bakes, \.bakes).first)
    let digest = try #require(ArtifactDigest(hex: bake.manifest_digest))
    #expect(try scratch.store.verify(tenant: shop, digest: digest).data_floor)
  }

  @Test("a store that cannot be written to costs the night, not the trainer")
  func noStore() async throws {
    let scratch = try Scratch()
    try Data().write(to: URL(filePath: "\(scratch.path)/store"))
    let heard = try await run(.init(), in: scratch, until: { !$0.failures.isEmpty && $0.leases > 1 })
    #expect(heard.failures.first?.contains("store") == true && heard.completed.isEmpty)
    #expect(heard.kinds == [.surroundings])
  }

  @Test("what killed trainers left half written in the store goes once no night can be at work on it any more")
  func leftovers() async throws {
    let scratch = try Scratch()
    let folder = "\(scratch.storePath)/shop"
    for (name, days) in [("old", 8.0), ("new", 6)] {
      let staging = "\(folder)/.staging-\(name)"
      try FileManager.default.createDirectory(atPath: staging, withIntermediateDirectories: true)
      let written = Date(timeIntervalSinceNow: -days * 86_400)
      try FileManager.default.setAttributes([.modificationDate: written], ofItemAtPath: staging)
    }
    _ = try await run(.init(), in: scratch)
    let left = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix(".staging") }
    #expect(left == [".staging-new"])
  }
}
