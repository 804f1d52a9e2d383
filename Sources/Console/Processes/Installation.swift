import Foundation

/// Where this program and what comes with it lie.
enum Installation {
  /// Folder of the executables, which stand side by side.
  static func executables() throws(ConsoleError) -> String {
    guard let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else {
      throw ConsoleError("cannot tell where this program lies: /proc is not mounted")
    }
    return (path as NSString).deletingLastPathComponent
  }

  /// A file or folder of the source tree, such as `deploy/dev-certificates.sh`, sought in the folders above `executables`
  /// and then in those above the working folder.
  static func find(_ relative: String, from executables: String) throws(ConsoleError) -> String {
    for start in [executables, FileManager.default.currentDirectoryPath] {
      var folder = start
      while true {
        let path = (folder as NSString).appendingPathComponent(relative)
        if FileManager.default.fileExists(atPath: path) { return path }
        if folder == "/" || folder.isEmpty { break }
        folder = (folder as NSString).deletingLastPathComponent
      }
    }
    throw ConsoleError(
      "there is no \(relative) above \(executables) or the working folder: run this in a clone of Nightjar")
  }
}
