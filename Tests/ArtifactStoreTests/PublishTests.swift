import Commerce
import Foundation
import Messages
import RankedLists
import Testing

@testable import ArtifactStore

@Suite("Publishing and fetching artifacts")
struct PublishTests {
  @Test("what is published is found under its digest, whole, and nothing else is left")
  func publish() throws {
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    let digest = try Sample.publish(in: store)
    let manifest = try store.verify(tenant: Sample.uk, digest: digest)
    #expect(manifest.bake == "b-1")
    #expect(manifest.list(\.n_files, \.files).map(\.size) == [UInt64(Sample.lists.count), UInt64(Sample.model.count)])
    #expect(try bytes(of: store.path(tenant: Sample.uk, digest: digest, file: .lists)) == Sample.lists)
    let folder = "uk/\(digest)"
    let expected = ["uk", folder, "\(folder)/lists", "\(folder)/manifest", "\(folder)/model"]
    #expect(scratch.everything(under: "store") == expected)
    #expect(try store.artifacts(of: Sample.uk) == [digest])
    #expect(try ArtifactDigest(of: bytes(of: "\(scratch.folder("store"))/\(folder)/manifest")) == digest)
  }

  @Test("publishing the same again changes nothing, other content stands beside it")
  func again() throws {
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    let first = try Sample.publish(in: store)
    let before = scratch.everything(under: "store")
    #expect(try Sample.publish(in: store) == first)
    #expect(scratch.everything(under: "store") == before)
    let second = try Sample.publish(in: store, lists: [1, 2, 3])
    #expect(second != first)
    #expect(try Set(store.artifacts(of: Sample.uk)) == [first, second])
  }

  @Test("a manifest that does not describe the files is refused", arguments: ["tenant", "size", "digest", "files"])
  func wrongManifest(defect: String) throws {
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    #expect(throws: ArtifactError.self) {
      _ = try store.publish(tenant: Sample.uk) { files in
        var seals = files.seals
        let seal = seals[0]
        if defect == "size" { seals[0] = .init(file: seal.file, size: seal.size + 1, digest: seal.digest) }
        if defect == "digest" { seals[0] = .init(file: seal.file, size: seal.size, digest: seals[1].digest) }
        if defect == "files" { seals.removeLast() }
        return Sample.manifest(ArtifactFiles(seals: seals), tenant: defect == "tenant" ? "france" : "uk")
      } write: { listsPath, modelPath in
        try write([1], to: listsPath)
        try write([2], to: modelPath)
      }
    }
    #expect(scratch.everything(under: "store") == ["uk"])
  }

  @Test("files missing or too many are refused", arguments: [[], ["lists"], ["lists", "model", "notes"]])
  func wrongFiles(names: [String]) throws {
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    #expect(throws: ArtifactError.self) {
      _ = try store.publish(
        tenant: Sample.uk, manifest: { Sample.manifest($0) },
        write: { listsPath, _ in
          let folder = URL(fileURLWithPath: listsPath).deletingLastPathComponent().path
          for name in names { try write([1], to: "\(folder)/\(name)") }
        })
    }
    #expect(scratch.everything(under: "store") == ["uk"])
  }

  @Test("an error of the writer comes through, and nothing is left")
  func writerFails() throws {
    struct Refusal: Error {}
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    #expect(throws: Refusal.self) {
      _ = try store.publish(
        tenant: Sample.uk, manifest: { Sample.manifest($0) },
        write: { listsPath, _ in
          try write([1], to: listsPath)
          throw Refusal()
        })
    }
    #expect(scratch.everything(under: "store") == ["uk"])
  }

  @Test("a fetched artifact is the published one, and fetching again leaves it")
  func fetch() throws {
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    let cache = ArtifactDirectory(root: scratch.folder("cache"))
    let digest = try Sample.publish(in: store)
    for _ in 0..<2 {
      try store.fetch(tenant: Sample.uk, digest: digest, into: cache)
      #expect(scratch.everything(under: "cache") == scratch.everything(under: "store"))
      #expect(try cache.verify(tenant: Sample.uk, digest: digest).bake == "b-1")
    }
    try FileManager.default.removeItem(atPath: scratch.folder("store"))
    try store.fetch(tenant: Sample.uk, digest: digest, into: cache)
  }

  @Test("only the files asked for are fetched")
  func fetchOnly() throws {
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    let cache = ArtifactDirectory(root: scratch.folder("cache"))
    let digest = try Sample.publish(in: store)
    try store.fetch(tenant: Sample.uk, digest: digest, files: [.lists], into: cache)
    #expect(scratch.everything(under: "cache/uk/\(digest)") == ["lists", "manifest"])
    _ = try cache.verify(tenant: Sample.uk, digest: digest, files: [.lists])
    #expect(throws: ArtifactError.self) { _ = try cache.verify(tenant: Sample.uk, digest: digest) }
    try store.fetch(tenant: Sample.uk, digest: digest, into: cache)
    #expect(scratch.everything(under: "cache/uk/\(digest)") == ["lists", "manifest", "model"])
  }

  @Test("a removed artifact is gone, and removing what is not there is no error")
  func remove() throws {
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    let digest = try Sample.publish(in: store)
    for _ in 0..<2 { try store.remove(tenant: Sample.uk, digest: digest) }
    #expect(scratch.everything(under: "store") == ["uk"])
    #expect(throws: ArtifactError.self) { _ = try store.verify(tenant: Sample.uk, digest: digest) }
    let never = try TenantID("france")
    try store.remove(tenant: never, digest: digest)
  }

  @Test("sweeping removes what broken-off attempts left, once it is old")
  func sweep() throws {
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    let digest = try Sample.publish(in: store)
    let staging = scratch.folder("store/uk/.staging-1")
    try FileManager.default.createDirectory(atPath: staging, withIntermediateDirectories: true)
    try write([1], to: "\(staging)/lists")
    let now = Int64(Date().timeIntervalSince1970) * 1_000_000
    try store.sweep(stagedBefore: Timestamp(microseconds: now - 3_600_000_000))
    #expect(FileManager.default.fileExists(atPath: staging))
    try store.sweep(stagedBefore: Timestamp(microseconds: now + 3_600_000_000))
    #expect(!FileManager.default.fileExists(atPath: staging))
    _ = try store.verify(tenant: Sample.uk, digest: digest)
  }
}
