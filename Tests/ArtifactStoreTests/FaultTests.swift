import Commerce
import Foundation
import RankedLists
import Testing

@testable import ArtifactStore

@Suite("A fault at any step leaves a whole artifact or none")
struct FaultTests {
  /// Publishing and fetching take fewer steps than this; each test checks that it has reached the end.
  private static let steps = 0..<40

  @Test("a full disk while publishing: an error, nothing left, and the next attempt succeeds")
  func publishOnFullDisk() throws {
    var reachedEnd = false
    for step in Self.steps where !reachedEnd {
      let scratch = try Scratch()
      let fault = FaultyDisk(.full, at: step)
      let store = ArtifactDirectory(root: scratch.folder("store"), disk: fault.disk)
      do {
        _ = try Sample.publish(in: store)
        reachedEnd = !fault.hasFailed
      } catch {
        #expect("\(error)".contains("No space left on device"))
        #expect(scratch.everything(under: "store").allSatisfy { !$0.contains(".staging") })
      }
      try expectWholeOrNothing(in: scratch.folder("store"))
      let sound = ArtifactDirectory(root: scratch.folder("store"))
      _ = try sound.verify(tenant: Sample.uk, digest: try Sample.publish(in: sound))
    }
    #expect(reachedEnd)
  }

  @Test("a crash while publishing, with files torn that were not synced")
  func publishAndCrash() throws {
    var reachedEnd = false
    for step in Self.steps where !reachedEnd {
      let scratch = try Scratch()
      let fault = FaultyDisk(.crash, at: step)
      let digest = try? Sample.publish(in: ArtifactDirectory(root: scratch.folder("store"), disk: fault.disk))
      reachedEnd = !fault.hasFailed
      #expect((digest != nil) == reachedEnd)
      try expectRecovery(from: fault, in: scratch, folder: "store") {
        _ = try Sample.publish(in: ArtifactDirectory(root: scratch.folder("store")))
      }
    }
    #expect(reachedEnd)
  }

  @Test("a full disk, or a crash, while fetching", arguments: [FaultyDisk.Fault.full, .crash])
  func fetch(kind: FaultyDisk.Fault) throws {
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    let digest = try Sample.publish(in: store)
    var reachedEnd = false
    for step in Self.steps where !reachedEnd {
      let root = scratch.folder("cache-\(step)")
      let fault = FaultyDisk(kind, at: step)
      do {
        try store.fetch(
          tenant: Sample.uk, digest: digest, into: ArtifactDirectory(root: root, disk: fault.disk))
        reachedEnd = !fault.hasFailed
      } catch {
        #expect(fault.hasFailed)
      }
      try expectRecovery(from: fault, in: scratch, folder: "cache-\(step)") {
        try store.fetch(tenant: Sample.uk, digest: digest, into: ArtifactDirectory(root: root))
      }
    }
    #expect(reachedEnd)
  }

  private func expectWholeOrNothing(in root: String) throws {
    let directory = ArtifactDirectory(root: root)
    for tenant in try directory.tenants() {
      for digest in try directory.artifacts(of: tenant) { _ = try directory.verify(tenant: tenant, digest: digest) }
    }
  }

  private func expectRecovery(
    from fault: FaultyDisk, in scratch: Scratch, folder: String, retry: () throws -> Void
  ) throws {
    let root = scratch.folder(folder)
    for path in fault.unsynced where FileManager.default.fileExists(atPath: path) {
      try write(Array(try bytes(of: path).prefix(5)), to: path)
    }
    try expectWholeOrNothing(in: root)
    let directory = ArtifactDirectory(root: root)
    try directory.sweep(stagedBefore: Timestamp(microseconds: .max))
    #expect(scratch.everything(under: folder).allSatisfy { !$0.contains(".staging") })
    try retry()
    try expectWholeOrNothing(in: root)
    #expect(try directory.artifacts(of: Sample.uk).count == 1)
  }

  @Test("a file that is replaced holds the old or the new content", arguments: [FaultyDisk.Fault.full, .crash])
  func replace(kind: FaultyDisk.Fault) throws {
    let scratch = try Scratch()
    let path = scratch.folder("state")
    let sound = AtomicFile(path: path)
    #expect(try sound.read(limit: 10) == nil)
    var reachedEnd = false
    for step in Self.steps where !reachedEnd {
      try sound.replace(with: [1, 2, 3])
      let fault = FaultyDisk(kind, at: step)
      try? AtomicFile(path: path, disk: fault.disk).replace(with: [4, 5])
      reachedEnd = !fault.hasFailed
      for path in fault.unsynced where FileManager.default.fileExists(atPath: path) { try write([], to: path) }
      let content = try sound.read(limit: 10)
      #expect(content == [4, 5] || (!reachedEnd && content == [1, 2, 3]))
    }
    #expect(reachedEnd)
    #expect(throws: ArtifactError.self) { _ = try sound.read(limit: 1) }
  }
}
