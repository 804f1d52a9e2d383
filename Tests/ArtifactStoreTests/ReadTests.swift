import RankedLists
import Testing

@testable import ArtifactStore

@Suite("The bytes of a file are read as the manifest has them, or not at all")
struct ReadTests {
  @Test("whole and unharmed", arguments: ArtifactFile.allCases)
  func whole(file: ArtifactFile) throws {
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    let digest = try Sample.publish(in: store)
    let content = try bytes(of: store.path(tenant: Sample.uk, digest: digest, file: file))
    #expect(try store.read(tenant: Sample.uk, digest: digest, file: file, limit: UInt64(content.count)) == content)
    #expect(throws: ArtifactError.self) {
      try store.read(tenant: Sample.uk, digest: digest, file: file, limit: UInt64(content.count) - 1)
    }
  }

  @Test("a flipped byte, a cut, a byte too many", arguments: 0..<3)
  func damaged(kind: Int) throws {
    let scratch = try Scratch()
    let store = ArtifactDirectory(root: scratch.folder("store"))
    let digest = try Sample.publish(in: store)
    let path = store.path(tenant: try Sample.uk, digest: digest, file: .model)
    var content = try bytes(of: path)
    switch kind {
    case 0: content[0] ^= 1
    case 1: content.removeLast()
    default: content.append(0)
    }
    try write(content, to: path)
    #expect(throws: ArtifactError.self) {
      try store.read(tenant: Sample.uk, digest: digest, file: .model, limit: 1 << 20)
    }
  }
}
