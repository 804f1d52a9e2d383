/// The rule of tenants' own server names: `acme.ranker.example` under the domain `ranker.example` is tenant `acme`'s.
enum ServerNames {
  /// What stands before the domain, or nil if the name is the domain itself or lies outside it.
  ///
  /// Names are compared without regard to case (RFC 4343); the label is returned as it stands.
  static func tenantLabel(of serverName: String, under domain: String) -> Substring.UTF8View? {
    // RFC 6066 admits no dot at the end; with one it is the same name.
    let serverName = serverName.hasSuffix(".") ? serverName.dropLast() : serverName[...]
    let (name, domain) = (serverName.utf8, domain.utf8)
    guard name.count > domain.count + 1 else { return nil }
    let dot = name.index(name.endIndex, offsetBy: -(domain.count + 1))
    guard name[dot] == UInt8(ascii: ".") else { return nil }
    guard zip(name[name.index(after: dot)...], domain).allSatisfy({ lowered($0) == lowered($1) }) else { return nil }
    return serverName[..<dot].utf8
  }

  private static func lowered(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }
}
