import Glibc

/// A call to the system that failed where served records are kept.
struct ServedError: Error, CustomStringConvertible {
  let operation: String
  let path: String
  let code: Int32

  init(_ operation: String, _ path: String, _ code: Int32) {
    self.operation = operation
    self.path = path
    self.code = code
  }

  /// The disk has no room left.
  var isFull: Bool { code == ENOSPC || code == EDQUOT }

  var description: String { "\(operation) \(path): \(String(cString: strerror(code)))" }
}
