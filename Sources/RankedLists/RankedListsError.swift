import Glibc

/// Why a lists file was not written or not believed.
public enum RankedListsError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A system call failed.
  case system(operation: String, path: String, errno: Int32)
  /// What the caller gave the writer cannot stand in a lists file.
  case input(String)
  /// The file is not what it should be, and none of it has been used.
  case refused(path: String, part: Part, reason: String)

  /// The part of the file in which the first defect was met.
  public enum Part: String, Sendable {
    case size, header, digest, sections, lists, index, directory, candidates, fallbacks
    case details, groups, factors, neighbours, reasons, order, bought
  }

  public var description: String {
    switch self {
    case .system(let operation, let path, let errno):
      "\(path): \(operation) failed: \(String(cString: strerror(errno)))"
    case .input(let reason):
      reason
    case .refused(let path, let part, let reason):
      "\(path): lists file refused at its \(part.rawValue): \(reason)"
    }
  }
}
