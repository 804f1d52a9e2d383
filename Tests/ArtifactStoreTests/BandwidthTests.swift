import Foundation
import Synchronization
import Testing

@testable import ArtifactStore

@Suite("Fetching within a bandwidth")
struct BandwidthTests {
  /// A clock that passes only by sleeping.
  private final class Clock: Sendable {
    let slept = Mutex(Duration.zero)
    let start = ContinuousClock.now

    func bandwidth(_ bytesPerSecond: UInt64) -> Bandwidth? {
      Bandwidth(
        bytesPerSecond: bytesPerSecond, now: { self.start + self.slept.withLock { $0 } },
        sleep: { duration in self.slept.withLock { $0 += duration } })
    }

    var seconds: Double { slept.withLock { $0 / .seconds(1) } }

    func pass(_ duration: Duration) { slept.withLock { $0 += duration } }
  }

  @Test("copies take the time that their bytes are worth, however long the line was idle before")
  func pace() throws {
    let clock = Clock()
    let bandwidth = try #require(clock.bandwidth(1_000))
    for _ in 0..<5 { bandwidth.pay(for: 200) }
    #expect(abs(clock.seconds - 1) < 1e-6)
    clock.pass(.seconds(100))
    bandwidth.pay(for: 3_000)
    #expect(abs(clock.seconds - 104) < 1e-6)
  }

  @Test("0 is no limit")
  func none() { #expect(Bandwidth(bytesPerSecond: 0) == nil) }

  @Test("a limit that is lifted holds up nobody")
  func lift() throws {
    let clock = Clock()
    let bandwidth = try #require(clock.bandwidth(1))
    bandwidth.lift()
    bandwidth.pay(for: 1 << 30)
    #expect(clock.seconds == 0)
  }

  @Test("a fetch pays for every byte that it copies, and a copy that is there already for none")
  func fetch() throws {
    let scratch = try Scratch()
    let (store, cache) = (
      ArtifactDirectory(root: scratch.folder("store")), ArtifactDirectory(root: scratch.folder("cache"))
    )
    let digest = try Sample.publish(in: store)
    let clock = Clock()
    let bandwidth = clock.bandwidth(1_000_000)
    try store.fetch(tenant: Sample.uk, digest: digest, into: cache, within: bandwidth)
    #expect(abs(clock.seconds - Double(Sample.lists.count + Sample.model.count) / 1_000_000) < 1e-3)
    let paid = clock.seconds
    try store.fetch(tenant: Sample.uk, digest: digest, into: cache, within: bandwidth)
    #expect(clock.seconds == paid)
    #expect(try bytes(of: cache.path(tenant: Sample.uk, digest: digest, file: .lists)) == Sample.lists)
  }

  @Test("what a tenant has is told with its bytes and when it was last used")
  func held() throws {
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    #expect(try store.held(by: Sample.uk).isEmpty)
    let digest = try Sample.publish(in: store)
    let before = try #require(try store.held(by: Sample.uk).first)
    #expect(before.digest == digest && before.bytes > UInt64(Sample.lists.count + Sample.model.count))
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1_000)], ofItemAtPath: store.folder(Sample.uk, digest))
    #expect(try store.held(by: Sample.uk).first?.usedAt == 1_000_000_000)
    try store.markUsed(tenant: Sample.uk, digest: digest)
    #expect(try #require(try store.held(by: Sample.uk).first).usedAt >= before.usedAt)
    try store.markUsed(tenant: Sample.uk, digest: ArtifactDigest(of: [1]))
  }
}
