import Foundation

/// The unpacked bytes of an .xz file, chunk by chunk, from the `xz` tool.
final class XZFile {
  private let path: String
  private let process = Process()
  private let output = Pipe()

  private static let chunkBytes = 256 << 10

  init(path: String) throws(ConsoleError) {
    self.path = path
    guard FileManager.default.isReadableFile(atPath: path) else { throw ConsoleError("\(path) cannot be read") }
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["xz", "--decompress", "--stdout", "--", path]
    process.standardOutput = output
    do {
      try process.run()
    } catch {
      throw ConsoleError("cannot run xz: \(error.localizedDescription). Install it: make deps")
    }
  }

  /// The next chunk; empty at the end. Throws when xz was not content with the file.
  func next() throws -> [UInt8] {
    let chunk = try output.fileHandleForReading.read(upToCount: Self.chunkBytes) ?? Data()
    guard chunk.isEmpty else { return [UInt8](chunk) }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ConsoleError(
        "xz could not unpack \(path) (status \(process.terminationStatus)). If it is missing: make deps")
    }
    return []
  }
}
