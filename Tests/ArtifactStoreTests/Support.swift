import Commerce
import Foundation
import Messages
import RankedLists
import Synchronization
import Testing

@testable import ArtifactStore

/// A folder of its own that goes with its owner.
final class Scratch {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("nightjar-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func folder(_ name: String) -> String { "\(path)/\(name)" }

  /// Everything under the folder, as paths relative to it.
  func everything(under name: String) -> [String] {
    (FileManager.default.enumerator(atPath: folder(name))?.allObjects as? [String] ?? []).sorted()
  }
}

func write(_ bytes: [UInt8], to path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

func bytes(of path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// An artifact to publish. The store does not look into its files.
enum Sample {
  static let lists = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
  static let model = Array("a model".utf8)

  static var uk: TenantID { get throws { try TenantID("uk") } }

  static func manifest(_ files: ArtifactFiles, tenant: String = "uk") -> Encoded<Proto.Manifest> {
    Encoded { draft in
      draft.format = 1
      draft.tenant = tenant
      draft.model = "m-1"
      draft.bake = "b-1"
      files.fill(draft)
    }
  }

  static func publish(in store: ArtifactDirectory, lists: [UInt8] = lists) throws -> ArtifactDigest {
    try store.publish(
      tenant: uk, manifest: { manifest($0) },
      write: { listsPath, modelPath in
        try write(lists, to: listsPath)
        try write(model, to: modelPath)
      })
  }
}

/// A disk on which the step of a given number fails, and, after a crash, every later one.
final class FaultyDisk: Sendable {
  enum Fault { case full, crash }

  private struct State {
    var step = 0
    var written: [String] = []
    var isDead = false
  }

  private let fault: Fault
  private let failing: Int
  private let state = Mutex(State())

  init(_ fault: Fault, at step: Int) {
    self.fault = fault
    failing = step
  }

  /// Files written and never synced: a crash may tear them.
  var unsynced: [String] { state.withLock { $0.written } }

  var hasFailed: Bool { state.withLock { $0.step > failing } }

  var disk: Disk {
    Disk { (step, path) throws(ArtifactError) in
      let fails = self.state.withLock { state in
        defer { state.step += 1 }
        if step == .write && !state.written.contains(path) { state.written.append(path) }
        if state.step == self.failing && self.fault == .crash { state.isDead = true }
        guard state.step != self.failing, !state.isDead else { return true }
        if step == .sync { state.written.removeAll { $0 == path } }
        return false
      }
      if fails { throw .system(operation: "\(step)", path: path, errno: self.fault == .full ? ENOSPC : EIO) }
    }
  }
}
