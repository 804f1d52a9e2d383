import Foundation
import Glibc

/// Makes a process's disk full, and free again: a file system of its own where the system grants one (to root), else the
/// limit on how long the process's files may grow, which makes the same writes fail.
final class FullDisk {
  private static let megabytes = 32

  private let folder: String
  private let isFileSystem: Bool

  /// For a process that will write into `folder`, which is made.
  init(at folder: String) throws {
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    isFileSystem = mount("nightjar-test", folder, "tmpfs", 0, "size=\(Self.megabytes)m") == 0
  }

  /// No byte more for the process.
  func fill(for process: pid_t) throws {
    guard isFileSystem else { return try limit(process, to: "1") }
    let filler = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(filler) }
    let block = [UInt8](repeating: 0, count: 4_096)
    while write(filler, block, block.count) > 0 {}
    guard errno == ENOSPC else { throw CocoaError(.fileWriteUnknown) }
  }

  func free(for process: pid_t) throws {
    guard isFileSystem else { return try limit(process, to: "unlimited") }
    try FileManager.default.removeItem(atPath: filler)
  }

  /// Gives the folder back.
  func remove() {
    if isFileSystem { umount2(folder, Int32(MNT_DETACH)) }
  }

  private var filler: String { "\(folder)/filler" }

  /// The tool of util-linux, since Swift sees no `prlimit`.
  private func limit(_ process: pid_t, to bytes: String) throws {
    let tool = Process()
    tool.executableURL = URL(filePath: "/usr/bin/prlimit")
    tool.arguments = ["--pid", "\(process)", "--fsize=\(bytes):unlimited"]
    try tool.run()
    tool.waitUntilExit()
    guard tool.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
  }
}
