import COpenSSL
import CTransport
import Glibc

/// One TLS connection on one socket. Used by one thread at a time: the handshake thread first, then its reactor's.
final class TLSSession: @unchecked Sendable {
  // Sendable, because the handshake thread lets go of it before the reactor takes it over.
  enum Progress {
    case done(Int)
    case wantsRead
    case wantsWrite
    case ended(TransportError)
  }

  let descriptor: Descriptor
  private let ssl: OpaquePointer
  private let isServer: Bool
  /// Handshake messages that came after the handshake.
  private var lateMessages = 0
  /// Peers change keys after millions of records, and libssl works off such messages without returning from a read.
  private static let maximumLateMessages = 1_024

  /// A session that has not shaken hands. `serverName`: what a client asks for and checks the certificate against.
  init(_ context: TLSContext, _ descriptor: Descriptor, serverName: String?) throws(TransportError) {
    ssl = try context.makeSession()
    self.descriptor = descriptor
    isServer = context.isServer
    guard nj_use_socket(ssl, descriptor.raw) else { throw .openSSL("TLS session") }
    if isServer { SSL_set_accept_state(ssl) } else { SSL_set_connect_state(ssl) }
    guard let serverName else { return }
    let named = serverName.withCString {
      SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), UnsafeMutableRawPointer(mutating: $0))
    }
    guard named == 1, SSL_set1_host(ssl, serverName) == 1 else { throw .openSSL("server name \(serverName)") }
  }

  deinit { SSL_free(ssl) }

  // SSL_get_error judges by the thread's error queue: what other code of the process left there must not end a session.

  /// Takes the handshake as far as the socket allows. The corresponding C function is SSL_do_handshake.
  func handshake() -> Progress {
    ERR_clear_error()
    let result = SSL_do_handshake(ssl)
    if result == 1 {
      limitLateMessages()
      return .done(0)
    }
    let why = SSL_get_verify_result(ssl)
    let outcome = outcome(of: result, "handshake")
    guard case .ended = outcome, why != Int(X509_V_OK) else { return outcome }
    return .ended(.refused("certificate: \(String(cString: X509_verify_cert_error_string(why)))"))
  }

  /// Decrypts into `buffer` what there is. The corresponding C function is SSL_read.
  func read(into buffer: UnsafeMutableRawBufferPointer) -> Progress {
    Self.forgetErrors()
    let result = SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count))
    return result > 0 ? .done(Int(result)) : outcome(of: result, "read")
  }

  /// There are bytes that came from the socket and were not read yet, perhaps less than a record. The corresponding C
  /// function is SSL_has_pending.
  var hasPending: Bool { SSL_has_pending(ssl) == 1 }

  /// Encrypts and sends as much as the socket takes. The corresponding C function is SSL_write.
  func write(_ bytes: UnsafeRawBufferPointer) -> Progress {
    Self.forgetErrors()
    let result = SSL_write(ssl, bytes.baseAddress, Int32(clamping: bytes.count))
    return result > 0 ? .done(Int(result)) : outcome(of: result, "write")
  }

  /// Empties the thread's error queue. Nearly always there is nothing in it, which is told sooner than it is emptied. The
  /// corresponding C functions are ERR_peek_error and ERR_clear_error.
  @inline(__always)
  private static func forgetErrors() {
    if ERR_peek_error() != 0 { ERR_clear_error() }
  }

  /// Gives back the buffers for records, some 80 KiB, where they are empty; the next record has new ones. The
  /// corresponding C function is SSL_free_buffers.
  func freeBuffers() { _ = SSL_free_buffers(ssl) }

  /// Tells the peer that nothing follows. The corresponding C function is SSL_shutdown.
  func sayGoodbye() {
    SSL_shutdown(ssl)
    ERR_clear_error()
  }

  /// The peer's identity; its chain was verified in the handshake.
  func peerIdentity() throws(TransportError) -> PeerIdentity {
    guard let certificate = SSL_get1_peer_certificate(ssl) else { throw .refused("the peer has no certificate") }
    defer { X509_free(certificate) }
    return try PeerIdentity(certificate: certificate, usage: isServer ? XKU_SSL_CLIENT : XKU_SSL_SERVER)
  }

  /// When the peer's certificate ends, in UNIX seconds; nil where it does not say so readably.
  var peerCertificateExpiry: Int64? {
    guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
    defer { X509_free(certificate) }
    var parts = tm()
    guard ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) == 1 else { return nil }
    return Int64(timegm(&parts))
  }

  /// Both sides agreed on our protocol.
  var speaksOurProtocol: Bool {
    var name: UnsafePointer<UInt8>?
    var length: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &length)
    return UnsafeBufferPointer(start: name, count: Int(length)).elementsEqual(TLSContext.protocolName)
  }

  /// The name that the client asked for, lowercase.
  var serverName: String? {
    SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0).lowercased() }
  }

  /// The corresponding C function is SSL_set_msg_callback.
  private func limitLateMessages() {
    SSL_ctrl(ssl, SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, Unmanaged.passUnretained(self).toOpaque())
    SSL_set_msg_callback(ssl) { isWritten, _, type, _, _, ssl, session in
      guard isWritten == 0, type == SSL3_RT_HANDSHAKE, let session else { return }
      let this = Unmanaged<TLSSession>.fromOpaque(session).takeUnretainedValue()
      this.lateMessages += 1
      // To libssl the peer has ended the connection, which is the one way to get out of its read from in here.
      if this.lateMessages > TLSSession.maximumLateMessages { SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN) }
    }
  }

  private func outcome(of result: Int32, _ operation: String) -> Progress {
    let systemError = errno
    guard lateMessages <= Self.maximumLateMessages else {
      ERR_clear_error()
      return .ended(.limit("more than \(Self.maximumLateMessages) TLS messages after the handshake"))
    }
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ: return .wantsRead
    case SSL_ERROR_WANT_WRITE: return .wantsWrite
    case SSL_ERROR_ZERO_RETURN: return .ended(.closed)
    case SSL_ERROR_SYSCALL:
      ERR_clear_error()
      return .ended(systemError == 0 ? .closed : .system(operation: operation, errno: systemError))
    default:
      // A peer that goes away without saying so is an error to libssl, to us it is a peer that went away.
      let reason = ERR_GET_REASON(ERR_peek_error())
      if reason == SSL_R_UNEXPECTED_EOF_WHILE_READING {
        ERR_clear_error()
        return .ended(.closed)
      }
      return .ended(.openSSL(operation))
    }
  }
}
