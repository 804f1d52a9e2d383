import COpenSSL
import CTransport
import Synchronization

/// Certificates and rules of one side's TLS connections: TLS 1.3, certificates on both sides, ALPN `nightjar/1`.
///
/// Connections of all threads may share it. Those that stand are not touched when it reads its files again.
public final class TLSContext: Sendable {
  static let protocolName = Array("nightjar/1".utf8)

  private let inForce: Mutex<TLSRules>
  let isServer: Bool

  /// A server's side.
  public init(server files: CertificateFiles) throws(TransportError) {
    isServer = true
    inForce = Mutex(try TLSRules(files, isServer: true))
  }

  /// A client's side.
  public init(client files: CertificateFiles) throws(TransportError) {
    isServer = false
    inForce = Mutex(try TLSRules(files, isServer: false))
  }

  /// Shakes hands with these from now on; when one of them is damaged or does not belong to the others, goes on with those
  /// it has and throws.
  public func reload(_ files: CertificateFiles) throws(TransportError) {
    let new = try TLSRules(files, isServer: isServer)
    inForce.withLock { $0 = new }
  }

  /// A session by the rules in force, to be freed by the caller.
  func makeSession() throws(TransportError) -> OpaquePointer {
    // The session holds on to the rules itself.
    guard let session = inForce.withLock({ SSL_new($0.pointer) }) else { throw .openSSL("TLS session") }
    return session
  }
}

/// An SSL_CTX: what certificates and rules come to for libssl.
private final class TLSRules: @unchecked Sendable {
  // Sendable, because libssl locks an SSL_CTX's counters itself and nothing else of it changes after init.
  /// Read buffer of a connection: several records in one read.
  private static let readBufferBytes = 64 << 10

  let pointer: OpaquePointer

  init(_ files: CertificateFiles, isServer: Bool) throws(TransportError) {
    guard let context = SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
      throw .openSSL("TLS context")
    }
    pointer = context
    guard SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_3_VERSION), nil) == 1 else {
      throw .openSSL("TLS 1.3")
    }
    guard SSL_CTX_use_certificate_chain_file(context, files.chain) == 1 else {
      throw .openSSL("certificate \(files.chain)")
    }
    guard SSL_CTX_use_PrivateKey_file(context, files.key, SSL_FILETYPE_PEM) == 1,
      SSL_CTX_check_private_key(context) == 1
    else { throw .openSSL("private key \(files.key)") }
    guard SSL_CTX_load_verify_file(context, files.authorities) == 1 else {
      throw .openSSL("authorities \(files.authorities)")
    }
    if let path = files.revocations {
      guard let store = SSL_CTX_get_cert_store(context) else { throw .openSSL("revocations \(path)") }
      try AuthorityStore.addRevocations(path, to: store)
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    // Connections are long-lived: tickets would only cost.
    SSL_CTX_set_num_tickets(context, 0)
    SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
    // One read fetches whatever the socket has, instead of one for each record's header and body.
    SSL_CTX_ctrl(context, SSL_CTRL_SET_READ_AHEAD, 1, nil)
    SSL_CTX_set_default_read_buffer_len(context, Self.readBufferBytes)
    let modes = Int(SSL_MODE_ENABLE_PARTIAL_WRITE) | Int(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER)
    SSL_CTX_ctrl(context, SSL_CTRL_MODE, modes, nil)
    if isServer { acceptProtocol() } else { try offerProtocol() }
  }

  deinit { SSL_CTX_free(pointer) }

  private func acceptProtocol() {
    SSL_CTX_set_alpn_select_cb(
      pointer,
      { _, selected, selectedLength, offered, offeredLength, _ in
        var at = 0
        let names = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
        while at < names.count {
          let length = Int(names[at])
          guard at + 1 + length <= names.count else { break }
          if names[(at + 1)..<(at + 1 + length)].elementsEqual(TLSContext.protocolName) {
            selected?.pointee = offered.map { $0 + at + 1 }
            selectedLength?.pointee = UInt8(length)
            return SSL_TLSEXT_ERR_OK
          }
          at += 1 + length
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
      }, nil)
  }

  private func offerProtocol() throws(TransportError) {
    let offered = [UInt8(TLSContext.protocolName.count)] + TLSContext.protocolName
    guard SSL_CTX_set_alpn_protos(pointer, offered, UInt32(offered.count)) == 0 else { throw .openSSL("ALPN") }
  }
}
