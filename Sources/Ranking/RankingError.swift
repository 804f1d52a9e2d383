import Glibc

/// Why a ranker cannot start.
public enum RankingError: Error, Sendable, CustomStringConvertible {
  /// The folder for copies and routing cannot be made.
  case noCache(path: String, errno: Int32)
  /// The system gives no thread to compute on.
  case noThread(String)
  /// Served records cannot be kept in the cache, as where another process works in it.
  case noServedRecords(String)

  public var description: String {
    switch self {
    case .noCache(let path, let errno):
      "the cache folder \(path) cannot be made: \(String(cString: strerror(errno))); choose another with --cache"
    case .noServedRecords(let reason):
      "served records cannot be kept: \(reason); give each ranker a --cache of its own, which it may write"
    case .noThread(let reason): "there is no thread to compute on: \(reason)"
    }
  }
}
