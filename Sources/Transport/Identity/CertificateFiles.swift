/// Where a process keeps who it is: PEM files.
public struct CertificateFiles: Sendable, Equatable {
  /// The process's certificate, followed by its issuers.
  public let chain: String
  /// The certificate's private key.
  public let key: String
  /// The authorities whose certificates the process believes.
  public let authorities: String

  /// Names the three files.
  public init(chain: String, key: String, authorities: String) {
    self.chain = chain
    self.key = key
    self.authorities = authorities
  }
}
