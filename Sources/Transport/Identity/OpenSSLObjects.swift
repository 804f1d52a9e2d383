import COpenSSL
import Glibc

/// A private key. Immutable once loaded, so any thread may sign with it.
final class OpenSSLKey: @unchecked Sendable {
  let pointer: OpaquePointer

  init(pemFile path: String) throws(TransportError) {
    guard let file = BIO_new_file(path, "r") else { throw .openSSL("private key \(path)") }
    defer { BIO_free(file) }
    guard let key = PEM_read_bio_PrivateKey(file, nil, nil, nil) else { throw .openSSL("private key \(path)") }
    pointer = key
  }

  deinit { EVP_PKEY_free(pointer) }
}

/// One X.509 certificate.
final class Certificate {
  let pointer: OpaquePointer

  /// The first certificate of a PEM file.
  init(pemFile path: String) throws(TransportError) {
    guard let file = BIO_new_file(path, "r") else { throw .openSSL("certificate \(path)") }
    defer { BIO_free(file) }
    guard let certificate = PEM_read_bio_X509(file, nil, nil, nil) else { throw .openSSL("certificate \(path)") }
    pointer = certificate
  }

  init(der: [UInt8]) throws(TransportError) {
    let parsed = der.withUnsafeBufferPointer { bytes in
      var next = bytes.baseAddress
      return d2i_X509(nil, &next, bytes.count)
    }
    guard let parsed else {
      ERR_clear_error()
      throw .refused("signature: its certificate is not DER")
    }
    pointer = parsed
  }

  deinit { X509_free(pointer) }

  /// The `notAfter` of the certificate, in seconds since 1970.
  func expiry() throws(TransportError) -> Int64 {
    guard let seconds = secondsSince1970(X509_get0_notAfter(pointer)) else { throw .openSSL("certificate's notAfter") }
    return seconds
  }

  func der() throws(TransportError) -> [UInt8] {
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = i2d_X509(pointer, &bytes)
    guard count > 0, let bytes else { throw .openSSL("certificate") }
    defer { CRYPTO_free(bytes, nil, 0) }
    return [UInt8](UnsafeBufferPointer(start: bytes, count: Int(count)))
  }
}

/// The authorities that we believe, and whom they have revoked. libcrypto locks it itself, so any thread may verify with it.
final class AuthorityStore: @unchecked Sendable {
  private let store: OpaquePointer

  init(_ files: CertificateFiles) throws(TransportError) {
    guard let store = X509_STORE_new() else { throw .openSSL("authorities") }
    self.store = store
    guard X509_STORE_load_file(store, files.authorities) == 1 else {
      throw .openSSL("authorities \(files.authorities)")
    }
    if let path = files.revocations { try Self.addRevocations(path, to: store) }
  }

  deinit { X509_STORE_free(store) }

  /// From now on `store` believes a certificate only where its issuer's list, which must stand in the file and be
  /// current, does not name it. The corresponding C function is X509_load_crl_file.
  static func addRevocations(_ path: String, to store: OpaquePointer) throws(TransportError) {
    guard let lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file()),
      X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) > 0,
      X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK)) == 1
    else { throw .openSSL("revocations \(path)") }
  }

  /// The earliest `nextUpdate` of the lists in a file; a list need not have one.
  static func earliestNextUpdate(pemFile path: String) throws(TransportError) -> Int64? {
    guard let file = BIO_new_file(path, "r") else { throw .openSSL("revocations \(path)") }
    defer { BIO_free(file) }
    var earliest: Int64?
    while let list = PEM_read_bio_X509_CRL(file, nil, nil, nil) {
      defer { X509_CRL_free(list) }
      guard let next = X509_CRL_get0_nextUpdate(list), let seconds = secondsSince1970(next) else { continue }
      earliest = min(earliest ?? seconds, seconds)
    }
    // The end of the file is an error to libcrypto.
    ERR_clear_error()
    return earliest
  }

  func verify(_ certificate: Certificate) throws(TransportError) {
    guard let context = X509_STORE_CTX_new() else { throw .openSSL("verify") }
    defer { X509_STORE_CTX_free(context) }
    guard X509_STORE_CTX_init(context, store, certificate.pointer, nil) == 1,
      X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER) == 1
    else { throw .openSSL("verify") }
    guard X509_verify_cert(context) == 1 else {
      ERR_clear_error()
      let reason = X509_verify_cert_error_string(Int(X509_STORE_CTX_get_error(context)))
      throw .refused("signature: certificate: \(reason.map { String(cString: $0) } ?? "not believed")")
    }
  }
}

private func secondsSince1970(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
  var parts = tm()
  return ASN1_TIME_to_tm(time, &parts) == 1 ? Int64(timegm(&parts)) : nil
}
