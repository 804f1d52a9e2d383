import COpenSSL
import Glibc

/// Why a connection cannot be made, or is over.
public enum TransportError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A system call failed.
  case system(operation: String, errno: Int32)
  /// libssl or libcrypto failed; the text is its drained error queue.
  case tls(operation: String, problem: String)
  /// The peer proved to be somebody whom we do not talk to.
  case refused(String)
  /// It took longer than it may.
  case timedOut(operation: String)
  /// The peer ended the connection.
  case closed
  /// A limit of ours is reached.
  case limit(String)
  /// What was asked for makes no sense; the text says what would.
  case invalid(String)

  public var description: String {
    switch self {
    case .system(let operation, let errno): "\(operation): \(String(cString: strerror(errno)))"
    case .tls(let operation, let problem): "\(operation): \(problem)"
    case .refused(let why): why
    case .timedOut(let operation): "\(operation): timed out"
    case .closed: "the peer closed the connection"
    case .limit(let which): which
    case .invalid(let what): what
    }
  }

  /// The failure that `errno` tells of.
  static func system(_ operation: String) -> TransportError { .system(operation: operation, errno: errno) }

  /// The failure that OpenSSL's error queue of this thread tells of; the queue is empty afterwards.
  static func openSSL(_ operation: String) -> TransportError {
    var problems: [String] = []
    var text = [CChar](repeating: 0, count: 256)
    while case let code = ERR_get_error(), code != 0 {
      ERR_error_string_n(code, &text, text.count)
      problems.append(text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" })
    }
    return .tls(operation: operation, problem: problems.isEmpty ? "no reason given" : problems.joined(separator: "; "))
  }
}
