import Glibc

/// The right to a folder, which one process has at a time; it ends with the process, however that ends.
public final class FolderClaim: Sendable {
  private let descriptor: Int32

  /// Makes the folder, for its owner only, where it is missing, and claims it. Throws where another process holds it, or
  /// where it cannot be written to.
  ///
  /// - Parameter file: name of the file in it that is locked. The corresponding C function is `flock`.
  public init(_ folder: String, file: String = "lock") throws(StartError) {
    guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw Self.unusable(folder, "make", errno) }
    descriptor = open("\(folder)/\(file)", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.unusable("\(folder)/\(file)", "open", errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      guard code == EWOULDBLOCK else { throw Self.unusable("\(folder)/\(file)", "lock", code) }
      throw StartError("Another process uses \(folder)", remedy: "Stop it first, or name another folder")
    }
  }

  // Also where `init` throws, once there is a descriptor.
  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Claims a folder for as long as the process lives; throws as `init` does.
  public static func forTheProcess(_ folder: String) throws(StartError) {
    _ = Unmanaged.passRetained(try FolderClaim(folder))
  }

  private static func unusable(_ path: String, _ what: String, _ code: Int32) -> StartError {
    StartError(
      "Cannot \(what) \(path): \(String(cString: strerror(code)))", remedy: "Name a folder that this user may write to")
  }
}
