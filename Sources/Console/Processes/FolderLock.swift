import Foundation

/// The right to run a fleet in a folder; it ends with the process, however that ends.
final class FolderLock: Sendable {
  private let descriptor: Int32
  private static let file = ".nightjar-lock"

  /// Whether a fleet has ever run in the folder.
  static func exists(in folder: String) -> Bool { access("\(folder)/\(file)", F_OK) == 0 }

  /// Fails when another process holds the folder.
  init(_ folder: String) throws(ConsoleError) {
    let path = "\(folder)/\(Self.file)"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw ConsoleError("cannot make \(path): \(String(cString: strerror(errno)))") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw ConsoleError("another nightjar runs in \(folder): stop it first, or choose another folder with --dir")
    }
  }

  deinit { close(descriptor) }
}
