/// Where a process keeps who it is: PEM files.
public struct CertificateFiles: Sendable, Equatable {
  /// The process's certificate, followed by its issuers.
  public let chain: String
  /// The certificate's private key.
  public let key: String
  /// The authorities whose certificates the process believes.
  public let authorities: String
  /// The authorities' lists of certificates that are believed no more (RFC 5280 CRLs); nil = nothing is revoked.
  public var revocations: String?

  /// Names the files.
  public init(chain: String, key: String, authorities: String, revocations: String? = nil) {
    self.chain = chain
    self.key = key
    self.authorities = authorities
    self.revocations = revocations
  }

  /// When the process's certificate stops being valid, in seconds since 1970. Reads the file.
  public func expiry() throws(TransportError) -> Int64 {
    try Certificate(pemFile: chain).expiry()
  }

  /// When the first of the authorities' lists of revocations must have been replaced by its next issue, in seconds since
  /// 1970: from then on nobody is believed. Nil where there is no list. Reads the file.
  public func revocationsExpiry() throws(TransportError) -> Int64? {
    guard let revocations else { return nil }
    return try AuthorityStore.earliestNextUpdate(pemFile: revocations)
  }
}
