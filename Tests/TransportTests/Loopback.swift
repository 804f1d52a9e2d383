import Glibc
import Testing

@testable import Transport

/// Real sockets on the loopback interface.
enum Loopback {
  static let host = "127.0.0.1"

  static func listen(
    on reactors: [Reactor], files: CertificateFiles = Certificates.files("ranker-a"), context: TLSContext? = nil,
    limits: ListenerLimits = .standard, refused: Box<[TransportError]> = Box([]),
    accept: @escaping @Sendable (Connection) -> any ConnectionDelegate
  ) throws -> Listener {
    try Listener(
      address: SocketAddress(host: host, port: 0), context: context ?? TLSContext(server: files),
      reactors: reactors, limits: limits, refused: { error, _ in refused.change { $0.append(error) } }, accept: accept)
  }

  /// Connects, or throws why it could not.
  static func connect(
    to port: UInt16, on reactor: Reactor, files: CertificateFiles = Certificates.files("platform-cli"),
    context: TLSContext? = nil, serverName: String? = nil
  ) async throws -> Collector {
    let context = try context ?? TLSContext(client: files)
    let collector = Collector(on: reactor)
    try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
      Transport.connect(
        to: SocketAddress(host: host, port: port), serverName: serverName, context: context, on: reactor,
        timeout: .seconds(10),
        accept: { connection in
          done.resume()
          return collector.accept(connection)
        }, failed: { done.resume(throwing: $0) })
    }
    return collector
  }
}

extension Loopback {
  /// Sockets of this process bound to the port: the listener's and those of connections that it accepted.
  static func openSockets(at port: UInt16) -> Int {
    (0..<1_024 as Range<Int32>).count { descriptor in
      var address = sockaddr_in()
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let code = withUnsafeMutableBytes(of: &address) {
        $0.withMemoryRebound(to: sockaddr.self) { getsockname(descriptor, $0.baseAddress, &length) }
      }
      return code == 0 && address.sin_family == sa_family_t(AF_INET) && UInt16(bigEndian: address.sin_port) == port
    }
  }

  /// A TCP connection that says nothing by itself.
  static func rawSocket(to port: UInt16, from source: String = host) throws -> Descriptor {
    let descriptor = try Descriptor(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), operation: "socket")
    let own = try SocketAddress(host: source, port: 0).resolve()[0]
    guard own.withPointer({ Glibc.bind(descriptor.raw, $0, $1) }) == 0 else { throw TransportError.system("bind") }
    let address = try SocketAddress(host: host, port: port).resolve()[0]
    guard address.withPointer({ Glibc.connect(descriptor.raw, $0, $1) }) == 0 else {
      throw TransportError.system("connect")
    }
    return descriptor
  }
}
