import COpenSSL
import Glibc

@testable import Transport

/// A client on a blocking socket of its own, for doing what no decent client does.
final class RawPeer {
  let descriptor: Descriptor
  let session: TLSSession

  /// Connects and shakes hands.
  init(to port: UInt16, files: CertificateFiles = Certificates.files("platform-cli")) throws {
    descriptor = try Loopback.rawSocket(to: port)
    session = try TLSSession(TLSContext(client: files), descriptor, serverName: nil)
    guard case .done = session.handshake() else { throw TransportError.refused("the handshake failed") }
  }

  func send(_ bytes: [UInt8]) {
    _ = bytes.withUnsafeBytes { session.write($0) }
  }

  /// Everything that comes until the server ends the connection, and how it ends it.
  func receiveToEnd() -> (bytes: Int, end: TransportError) {
    let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 1)
    defer { space.deallocate() }
    var count = 0
    while true {
      switch session.read(into: space) {
      case .done(let read): count += read
      case .ended(let error): return (count, error)
      case .wantsRead, .wantsWrite: continue
      }
    }
  }

  /// Bytes that are no TLS record.
  func sendGarbage() { Loopback.sendPlain([UInt8](repeating: 0x42, count: 64), on: descriptor) }

  /// Ends the connection with a reset.
  func reset() { Loopback.reset(descriptor) }

  /// Ends the connection without a word of TLS.
  func hangUp() { shutdown(descriptor.raw, Int32(SHUT_WR)) }
}

extension Loopback {
  static func sendPlain(_ bytes: [UInt8], on descriptor: Descriptor) {
    _ = Glibc.send(descriptor.raw, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  /// The next `close` of the socket sends RST, and connecting it to nowhere does so at once.
  static func reset(_ descriptor: Descriptor) {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor.raw, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    var nowhere = sockaddr()
    nowhere.sa_family = sa_family_t(AF_UNSPEC)
    _ = withUnsafePointer(to: nowhere) { Glibc.connect(descriptor.raw, $0, socklen_t(MemoryLayout<sockaddr>.size)) }
  }

  /// A socket that the kernel lets anybody connect to, and that never says a word.
  static func mute() throws -> (descriptor: Descriptor, port: UInt16) {
    let descriptor = try Descriptor(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), operation: "socket")
    guard Glibc.listen(descriptor.raw, 16) == 0 else { throw TransportError.system("listen") }
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor.raw, $0, &length) }
    }
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }
}

/// Leaves an error in OpenSSL's queue of the calling thread, as careless code elsewhere in the process may.
func leaveOpenSSLError() { BIO_free(BIO_new_file("/nonexistent", "r")) }
