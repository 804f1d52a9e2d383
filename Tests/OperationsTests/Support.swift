import Foundation

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
