import COpenSSL
import Synchronization

/// A signature together with the certificate that it can be checked by.
public struct Signature: Sendable, Equatable {
  /// The signer's certificate, DER.
  public let certificate: [UInt8]
  /// ECDSA over P-256 with SHA-256, DER.
  public let signature: [UInt8]

  /// Puts together what came over the wire; `SignatureVerifier` judges it.
  public init(certificate: [UInt8], signature: [UInt8]) {
    self.certificate = certificate
    self.signature = signature
  }
}

/// Signs with the key of a process's own certificate (FIPS 186-4 ECDSA, P-256, SHA-256).
public final class Signer: Sendable {
  private struct Loaded: Sendable {
    let key: OpenSSLKey
    let certificate: [UInt8]

    init(_ files: CertificateFiles) throws(TransportError) {
      key = try OpenSSLKey(pemFile: files.key)
      let first = try Certificate(pemFile: files.chain)
      guard X509_check_private_key(first.pointer, key.pointer) == 1 else {
        throw .openSSL("private key \(files.key) for \(files.chain)")
      }
      certificate = try first.der()
    }
  }

  private let loaded: Mutex<Loaded>

  /// Loads key and certificate.
  public init(files: CertificateFiles) throws(TransportError) {
    loaded = Mutex(try Loaded(files))
  }

  /// Signs with these from now on; when they are damaged, goes on with those it has and throws.
  public func reload(_ files: CertificateFiles) throws(TransportError) {
    let new = try Loaded(files)
    loaded.withLock { $0 = new }
  }

  /// Signs the bytes.
  public func sign(_ bytes: [UInt8]) throws(TransportError) -> Signature {
    let (key, certificate) = loaded.withLock { ($0.key, $0.certificate) }
    guard let context = EVP_MD_CTX_new() else { throw .openSSL("sign") }
    defer { EVP_MD_CTX_free(context) }
    var length = 0
    guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key.pointer) == 1,
      EVP_DigestSign(context, nil, &length, bytes, bytes.count) == 1
    else { throw .openSSL("sign") }
    var signature = [UInt8](repeating: 0, count: length)
    guard EVP_DigestSign(context, &signature, &length, bytes, bytes.count) == 1 else { throw .openSSL("sign") }
    return Signature(certificate: certificate, signature: Array(signature.prefix(length)))
  }
}

/// Believes signatures by certificates of our authorities and of a given role.
///
/// A signature brings its signer's certificate alone: an issuer between that and the root must stand in the authorities'
/// file, which TLS, where the chain comes along, does not need.
public final class SignatureVerifier: Sendable {
  private let store: Mutex<AuthorityStore>

  /// Loads the authorities and their revocations.
  public init(files: CertificateFiles) throws(TransportError) {
    store = Mutex(try AuthorityStore(files))
  }

  /// Believes these from now on; when they are damaged, goes on with those it has and throws.
  public func reload(_ files: CertificateFiles) throws(TransportError) {
    let new = try AuthorityStore(files)
    store.withLock { $0 = new }
  }

  /// Who signed the bytes. Throws `refused` unless the certificate is ours, valid now, of the role, and the signature its.
  public func verify(_ bytes: [UInt8], _ signature: Signature, role: Role) throws(TransportError) -> PeerIdentity {
    let certificate = try Certificate(der: signature.certificate)
    try store.withLock { $0 }.verify(certificate)
    let identity = try PeerIdentity(certificate: certificate.pointer, usage: XKU_SSL_SERVER)
    guard identity.role == role else {
      throw .refused("signature: signed by \(identity), only \(role.rawValue) may sign this")
    }
    guard let context = EVP_MD_CTX_new() else { throw .openSSL("verify") }
    defer { EVP_MD_CTX_free(context) }
    guard EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, X509_get0_pubkey(certificate.pointer)) == 1,
      EVP_DigestVerify(context, signature.signature, signature.signature.count, bytes, bytes.count) == 1
    else {
      ERR_clear_error()
      throw .refused("signature: it does not match what was signed")
    }
    return identity
  }
}
