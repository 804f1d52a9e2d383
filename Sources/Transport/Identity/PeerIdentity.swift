import COpenSSL

/// Who the other side is, by its certificate: the one URI `spiffe://nightjar/<role>/<name>` in it.
public struct PeerIdentity: Hashable, Sendable, CustomStringConvertible {
  private static let prefix = "spiffe://nightjar/"
  private static let maximumNameBytes = 63

  /// What it is.
  public let role: Role
  /// Which one: 1 to 63 bytes of letters, digits, '.', '_' and '-', the first a letter or digit.
  public let name: String

  /// Names an identity, such as one that a test expects.
  public init(role: Role, name: String) {
    self.role = role
    self.name = name
  }

  /// `role/name`, as logs and the journal write it.
  public var description: String { "\(role.rawValue)/\(name)" }

  /// Reads `spiffe://nightjar/<role>/<name>`.
  init(uri: String) throws(TransportError) {
    let parts = uri.dropFirst(Self.prefix.count).split(separator: "/", omittingEmptySubsequences: false)
    guard uri.hasPrefix(Self.prefix), parts.count == 2, let role = Role(rawValue: String(parts[0])) else {
      throw .refused("certificate: '\(uri.prefix(200))' is not spiffe://nightjar/<role>/<name> with a known role")
    }
    let name = parts[1]
    let isName = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    guard isName, (1...Self.maximumNameBytes).contains(name.utf8.count), let first = name.first,
      first.isLetter || first.isNumber
    else {
      throw .refused(
        "certificate: '\(name.prefix(80))' is no name of 1 to \(Self.maximumNameBytes) of A-Z a-z 0-9 . _ -, "
          + "the first a letter or digit")
    }
    self.init(role: role, name: String(name))
  }

  /// Reads the identity of a certificate whose chain was verified, and checks what it may be used for.
  ///
  /// `usage` is one of OpenSSL's `XKU_` bits, which the certificate must state.
  init(certificate: OpaquePointer, usage: Int32) throws(TransportError) {
    let stated = X509_get_extended_key_usage(certificate)
    guard stated != UInt32.max, stated & UInt32(usage) != 0 else {
      throw .refused("certificate: its extended key usage does not allow this side of a connection")
    }
    let uris = Self.uris(of: certificate)
    guard uris.count == 1 else {
      throw .refused("certificate: exactly one URI must name its owner, it has \(uris.count)")
    }
    try self.init(uri: uris[0])
  }

  private static func uris(of certificate: OpaquePointer) -> [String] {
    guard let names = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
    let stack = OpaquePointer(names)
    defer { GENERAL_NAMES_free(stack) }
    return (0..<OPENSSL_sk_num(stack)).compactMap { index in
      guard let entry = OPENSSL_sk_value(stack, index)?.assumingMemoryBound(to: GENERAL_NAME.self),
        entry.pointee.type == GEN_URI, let uri = entry.pointee.d.uniformResourceIdentifier
      else { return nil }
      let bytes = UnsafeBufferPointer(start: ASN1_STRING_get0_data(uri), count: Int(ASN1_STRING_length(uri)))
      return String(decoding: bytes, as: UTF8.self)
    }
  }
}
