import Foundation
import Synchronization

/// Runs an executable that was built with the tests, and returns how it ended and what it printed.
func run(_ executable: String, _ arguments: String...) throws -> (status: Int32, output: String, log: String) {
  let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  let process = Process()
  process.executableURL = URL(filePath: tests).deletingLastPathComponent().appending(path: executable)
  process.arguments = arguments
  let (output, log) = (Pipe(), Pipe())
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = output
  process.standardError = log
  try process.run()
  let printed = try output.fileHandleForReading.readToEnd() ?? Data()
  let logged = try log.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  return (process.terminationStatus, String(decoding: printed, as: UTF8.self), String(decoding: logged, as: UTF8.self))
}

/// What was logged, line by line.
final class LogLines: Sendable {
  private let lines = Mutex<[[UInt8]]>([])
  var all: [[UInt8]] { lines.withLock { $0 } }
  func add(_ line: [UInt8]) { lines.withLock { $0.append(line) } }

  /// The lines read as JSON.
  var parsed: [[String: String]] {
    all.compactMap { (try? JSONSerialization.jsonObject(with: Data($0))) as? [String: String] }
  }
}
