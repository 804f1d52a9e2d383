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

  /// A silent network is noticed within this many seconds, whether or not bytes are under way.
  private static let silenceSeconds: Int32 = 30
  private static let probeSeconds: Int32 = 5

  /// Sends small writes at once, and notices a peer whose machine or network is gone.
  ///
  /// The corresponding C function is setsockopt with TCP_NODELAY, SO_KEEPALIVE, TCP_USER_TIMEOUT (RFC 5482).
  func prepareForCalls() {
    set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
    set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, Self.silenceSeconds / 2)
    set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, Self.probeSeconds)
    set(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, Self.silenceSeconds * 1_000)
  }

  /// The corresponding C function is setsockopt. A kernel without the option serves without it.
  func set(_ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(raw, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Tells the peer's kernel that nothing follows. The corresponding C function is shutdown with SHUT_WR.
  func endWriting() { shutdown(raw, Int32(SHUT_WR)) }

  /// Reads into `buffer` what is never looked at; 0 at the end. The corresponding C function is read.
  func drain(through buffer: UnsafeMutableRawBufferPointer) -> Int { read(raw, buffer.baseAddress, buffer.count) }

  /// The pending error of a socket, 0 = none. The corresponding C function is getsockopt with SO_ERROR.
  var pendingError: Int32 {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(raw, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
  }
}
