import Commerce
import Foundation
import Messages
import RankedLists
import Testing

@testable import ArtifactStore

@Suite("A damaged or hostile store is found out, and the cache stays clean")
struct HostileStoreTests {
  /// Fetches, and expects a refusal that leaves nothing behind.
  private func refusal(of digest: ArtifactDigest, in scratch: Scratch) throws -> ArtifactError {
    let store = ArtifactDirectory(root: scratch.folder("store"))
    let cache = ArtifactDirectory(root: scratch.folder("cache"))
    let error = #expect(throws: ArtifactError.self) {
      try store.fetch(tenant: Sample.uk, digest: digest, into: cache)
    }
    #expect(scratch.everything(under: "cache").allSatisfy { $0 == "uk" })
    return try #require(error)
  }

  @Test("a flipped byte", arguments: ["manifest", "lists", "model"])
  func flipped(name: String) throws {
    let scratch = try Scratch()
    let digest = try Sample.publish(in: ArtifactDirectory(root: scratch.folder("store")))
    let path = scratch.folder("store/uk/\(digest)/\(name)")
    var content = try bytes(of: path)
    content[content.count / 2] ^= 0x10
    try write(content, to: path)
    #expect(try refusal(of: digest, in: scratch).description.contains("digest"))
  }

  @Test("a cut, a longer, a missing file", arguments: ["manifest", "lists", "model"], ["cut", "longer", "missing"])
  func length(name: String, damage: String) throws {
    let scratch = try Scratch()
    let digest = try Sample.publish(in: ArtifactDirectory(root: scratch.folder("store")))
    let path = scratch.folder("store/uk/\(digest)/\(name)")
    switch damage {
    case "cut": try write(Array(try bytes(of: path).dropLast()), to: path)
    case "longer": try write(try bytes(of: path) + [0], to: path)
    default: try FileManager.default.removeItem(atPath: path)
    }
    let error = try refusal(of: digest, in: scratch)
    #expect(error.description.contains("/\(name): "))
    if damage == "missing" { #expect(error == .missing(path: path)) }
  }

  @Test("a link, a pipe or a folder in place of a file", arguments: ["link", "pipe", "folder"])
  func irregular(kind: String) throws {
    let scratch = try Scratch()
    let digest = try Sample.publish(in: ArtifactDirectory(root: scratch.folder("store")))
    let path = scratch.folder("store/uk/\(digest)/lists")
    try FileManager.default.moveItem(atPath: path, toPath: scratch.folder("aside"))
    switch kind {
    case "link": try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: scratch.folder("aside"))
    case "pipe": #expect(mkfifo(path, 0o600) == 0)
    default: try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }
    guard case .refused = try refusal(of: digest, in: scratch) else {
      Issue.record("not refused")
      return
    }
  }

  @Test("another tenant's artifact under this tenant's name")
  func otherTenant() throws {
    let scratch = try Scratch()
    let france = try TenantID("france")
    let digest = try ArtifactDirectory(root: scratch.folder("store")).publish(tenant: france) {
      Sample.manifest($0, tenant: "france")
    } write: { listsPath, modelPath in
      try write([1], to: listsPath)
      try write([2], to: modelPath)
    }
    try FileManager.default.moveItem(atPath: scratch.folder("store/france"), toPath: scratch.folder("store/uk"))
    #expect(try refusal(of: digest, in: scratch).description.contains("tenant 'france'"))
  }

  /// A manifest that its digest is right for, and that lies.
  static let lies: [(String, Encoded<Proto.Manifest>)] = [
    ("a path out of the store", manifest(names: ["../../../../etc/passwd", "model"])),
    ("an absolute path", manifest(names: ["/etc/passwd", "model"])),
    ("a file twice", manifest(names: ["lists", "lists"])),
    ("the wrong order", manifest(names: ["model", "lists"])),
    ("a file too many", manifest(names: ["lists", "model", "notes"])),
    ("no file", manifest(names: [])),
    ("a size past any disk", manifest(size: .max)),
    ("a size below the file's", manifest(size: 1)),
    ("a digest of 31 bytes", manifest(digest: [UInt8](repeating: 0, count: 31))),
    ("another file's digest", manifest(digest: SHA256Digest(of: [9]).bytes)),
    ("a later layout", manifest(format: 2)),
    ("no protobuf", Encoded(unchecked: [UInt8](repeating: 0xFF, count: 100))),
    ("nothing", Encoded(unchecked: [])),
    ("2 MiB of manifest", manifest(probe: String(repeating: "x", count: 2 << 20))),
  ]

  private static func manifest(
    names: [String] = ["lists", "model"], size: UInt64 = 3, digest: [UInt8] = SHA256Digest(of: [1, 2, 3]).bytes,
    format: UInt32 = 1, probe: String = "p"
  ) -> Encoded<Proto.Manifest> {
    Encoded { draft in
      draft.format = format
      draft.tenant = "uk"
      draft.strings(\.n_probes, \.probes, [probe])
      draft.list(\.n_files, \.files, of: names) { entry, name in
        entry.name = name
        entry.size = size
        entry.sha256 = digest
      }
    }
  }

  @Test("a manifest that lies", arguments: lies)
  func lie(name: String, manifest: Encoded<Proto.Manifest>) throws {
    let scratch = try Scratch()
    let digest = ArtifactDigest(of: manifest.bytes)
    let folder = scratch.folder("store/uk/\(digest)")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try write(manifest.bytes, to: "\(folder)/manifest")
    for file in ["lists", "model"] { try write([1, 2, 3], to: "\(folder)/\(file)") }
    guard case .refused = try refusal(of: digest, in: scratch) else {
      Issue.record("not refused")
      return
    }
  }

  @Test("a damaged copy in the cache is fetched anew", arguments: ["manifest", "lists"])
  func damagedCache(name: String) throws {
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    let cache = ArtifactDirectory(root: scratch.folder("cache"))
    let digest = try Sample.publish(in: store)
    try store.fetch(tenant: Sample.uk, digest: digest, into: cache)
    try write([1, 2, 3], to: scratch.folder("cache/uk/\(digest)/\(name)"))
    try store.fetch(tenant: Sample.uk, digest: digest, into: cache)
    _ = try cache.verify(tenant: Sample.uk, digest: digest)
    #expect(scratch.everything(under: "cache") == scratch.everything(under: "store"))
  }
}
