import CTransport
import Glibc

/// Where a service listens: a host, by name or number, and a port.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// Name or numeric address, IPv6 without brackets.
  public let host: String
  /// 0 where the system is to choose.
  public let port: UInt16

  /// Pairs a host with a port.
  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Reads `host:port` or `[v6]:port`.
  public init(parsing text: String) throws(TransportError) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
      throw .invalid("address '\(text.prefix(300))': expected host:port, the port 0 to 65535")
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      throw .invalid("address '\(text.prefix(300))': put an IPv6 address in brackets, [::1]:9443")
    }
    guard !host.isEmpty, host.utf8.count <= 253 else {
      throw .invalid("address '\(text.prefix(300))': the host takes 1 to 253 bytes")
    }
    self.init(host: String(host), port: port)
  }

  /// `host:port`, as `init(parsing:)` reads it.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Whether no name needs to be looked up.
  var isNumeric: Bool { (try? resolve(flags: AI_NUMERICHOST)) != nil }

  /// The addresses that the host stands for, in the order to try them. Blocks unless the host is numeric.
  ///
  /// The corresponding C function is getaddrinfo.
  func resolve(flags: Int32 = 0) throws(TransportError) -> [ResolvedAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = flags | AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else {
      throw .invalid("address \(self): \(String(cString: gai_strerror(code)))")
    }
    defer { freeaddrinfo(list) }
    return sequence(first: list, next: { $0?.pointee.ai_next }).compactMap { entry in
      guard let entry, let address = entry.pointee.ai_addr else { return nil }
      return ResolvedAddress(address, length: entry.pointee.ai_addrlen)
    }
  }
}

/// A numeric address as the socket calls take it.
struct ResolvedAddress: Sendable {
  private var storage = sockaddr_storage()
  private let length: socklen_t

  init(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
    self.length = min(length, socklen_t(MemoryLayout<sockaddr_storage>.size))
    withUnsafeMutableBytes(of: &storage) { [length = self.length] in
      $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(length)))
    }
  }

  var family: Int32 { Int32(storage.ss_family) }

  func withPointer<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    withUnsafeBytes(of: storage) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { body($0.baseAddress.unsafelyUnwrapped, length) }
    }
  }

  /// The same host at another port.
  func at(port: UInt16) -> ResolvedAddress {
    var other = self
    withUnsafeMutableBytes(of: &other.storage) { bytes in
      switch family {
      case AF_INET: bytes.bindMemory(to: sockaddr_in.self)[0].sin_port = port.bigEndian
      case AF_INET6: bytes.bindMemory(to: sockaddr_in6.self)[0].sin6_port = port.bigEndian
      default: break
      }
    }
    return other
  }

  /// Who is behind the address, as far as limits tell sources apart.
  var source: SourceLimiter.Source {
    withUnsafeBytes(of: storage) { bytes in
      guard family == AF_INET6 else {
        return SourceLimiter.Source(
          isIPv6: false, network: UInt64(bytes.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr))
      }
      let address = bytes.loadUnaligned(as: sockaddr_in6.self).sin6_addr
      return withUnsafeBytes(of: address) { bytes in
        let network = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        let rest = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        // ::ffff:a.b.c.d is the IPv4 address a.b.c.d.
        guard network == 0, rest >> 32 == 0xffff else { return SourceLimiter.Source(isIPv6: true, network: network) }
        return SourceLimiter.Source(isIPv6: false, network: UInt64(UInt32(truncatingIfNeeded: rest).bigEndian))
      }
    }
  }

  /// Host and port in numbers. The corresponding C function is getnameinfo.
  var socketAddress: SocketAddress {
    var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
    let code = withPointer {
      getnameinfo(
        $0, $1, &host, socklen_t(host.count), &port, socklen_t(port.count), NI_NUMERICHOST | NI_NUMERICSERV)
    }
    guard code == 0 else { return SocketAddress(host: "unknown", port: 0) }
    return SocketAddress(host: text(host), port: UInt16(text(port)) ?? 0)
  }

  private func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
