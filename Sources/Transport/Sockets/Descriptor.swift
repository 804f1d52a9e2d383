import CTransport
import Glibc

/// An open file descriptor, closed with its last owner.
final class Descriptor: Sendable {
  let raw: Int32

  /// Owns `raw`; a negative one is the failure of `operation`.
  init(_ raw: Int32, operation: String) throws(TransportError) {
    guard raw >= 0 else { throw .system(operation) }
    self.raw = raw
  }

  deinit { close(raw) }

  /// Sends small writes at once. The corresponding C function is setsockopt with TCP_NODELAY.
  func disableDelay() { set(Int32(IPPROTO_TCP), TCP_NODELAY) }

  /// The corresponding C function is setsockopt, with 1.
  func set(_ level: Int32, _ option: Int32) {
    var one: Int32 = 1
    setsockopt(raw, level, option, &one, socklen_t(MemoryLayout<Int32>.size))
  }

  /// The pending error of a socket, 0 = none. The corresponding C function is getsockopt with SO_ERROR.
  var pendingError: Int32 {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(raw, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
  }
}
