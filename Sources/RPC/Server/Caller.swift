import Transport

/// Who is at the other end of a server's connection: the same for all its calls.
final class Caller: Sendable {
  /// Of what a call gives for a tenant, as much as a tenant's id may have.
  private static let shownTenantBytes = 63

  let peer: PeerIdentity
  let serverName: String?
  /// The only tenant that the connection may speak of, as UTF-8; nil = every tenant.
  let boundTenant: [UInt8]?
  /// Why no call is allowed at all.
  let conflict: String?

  /// `tenantDomain`: where tenants have server names of their own; empty = nowhere.
  init(_ peer: PeerIdentity, serverName: String?, tenantDomain: String) {
    self.peer = peer
    self.serverName = serverName
    let own = peer.role == .tenant ? Array(peer.name.utf8) : nil
    let named = tenantDomain.isEmpty ? nil : serverName.flatMap { TenantNames.label(of: $0, under: tenantDomain) }
    boundTenant = own ?? named
    conflict =
      if let own, let named, own != named {
        "the certificate is tenant '\(peer.name)''s, and the server name is '\(serverName ?? "")'"
      } else {
        nil
      }
  }

  /// Throws PERMISSION_DENIED unless the connection may speak of the tenant.
  @inline(__always)
  func authorise(tenant: UnsafeRawBufferPointer) throws(RPCError) {
    guard let boundTenant else { return }
    let isOwn = boundTenant.withUnsafeBytes { own in
      own.count == tenant.count && own.elementsEqual(tenant)
    }
    guard !isOwn else { return }
    let why =
      peer.role == .tenant ? "the certificate is tenant '\(peer.name)''s" : "the server name is '\(serverName ?? "")'"
    throw RPCError(
      .permissionDenied,
      "the call asks for tenant '\(String(decoding: tenant.prefix(Self.shownTenantBytes), as: UTF8.self))', but \(why)")
  }
}

/// The rule of tenants' own server names: `acme.ranker.example` under the domain `ranker.example` is tenant `acme`'s.
enum TenantNames {
  /// What stands before the domain, in lower case; nil if the name is the domain itself or lies outside it.
  ///
  /// Names are compared without regard to case (RFC 4343), and one dot at the end does not count.
  static func label(of serverName: String, under domain: String) -> [UInt8]? {
    let name = serverName.lowercased().utf8
    let suffix = ("." + domain.lowercased()).utf8
    let whole = name.last == UInt8(ascii: ".") ? Array(name.dropLast()) : Array(name)
    guard whole.count > suffix.count, whole.suffix(suffix.count).elementsEqual(suffix) else { return nil }
    return Array(whole.dropLast(suffix.count))
  }
}
