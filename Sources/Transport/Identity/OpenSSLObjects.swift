import COpenSSL

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

  func der() throws(TransportError) -> [UInt8] {
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = i2d_X509(pointer, &bytes)
    guard count > 0, let bytes else { throw .openSSL("certificate") }
    defer { CRYPTO_free(bytes, nil, 0) }
    return [UInt8](UnsafeBufferPointer(start: bytes, count: Int(count)))
  }
}

/// The authorities that we believe. libcrypto locks it itself, so any thread may verify with it.
final class AuthorityStore: @unchecked Sendable {
  private let store: OpaquePointer

  init(pemFile path: String) throws(TransportError) {
    guard let store = X509_STORE_new() else { throw .openSSL("authorities") }
    self.store = store
    guard X509_STORE_load_file(store, path) == 1 else { throw .openSSL("authorities \(path)") }
  }

  deinit { X509_STORE_free(store) }

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
