import Glibc

/// Why an artifact could not be published, fetched or believed.
public enum ArtifactError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A system call failed: the disk is full, the store is away.
  case system(operation: String, path: String, errno: Int32)
  /// The store has no such artifact (yet).
  case missing(path: String)
  /// What is there is not what its digest or its manifest says.
  case refused(path: String, reason: String)

  public var description: String {
    switch self {
    case .system(let operation, let path, let errno):
      "\(path): \(operation) failed: \(String(cString: strerror(errno)))"
    case .missing(let path):
      "\(path): the store has no such artifact"
    case .refused(let path, let reason):
      "\(path): refused: \(reason)"
    }
  }
}
