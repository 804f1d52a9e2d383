import CLoad
import Glibc

/// The generator's certificates and the one cipher that all peers are measured with.
public final class TLSClient {
  private let context: OpaquePointer

  /// Reads `<identity>.pem`, its key and `ca.pem` in `folder`.
  public init(folder: String, identity: String) {
    guard let context = SSL_CTX_new(TLS_client_method()), load_set_rules(context) == 1,
      SSL_CTX_use_certificate_chain_file(context, "\(folder)/\(identity).pem") == 1,
      SSL_CTX_use_PrivateKey_file(context, "\(folder)/\(identity)-key.pem", SSL_FILETYPE_PEM) == 1,
      SSL_CTX_load_verify_file(context, "\(folder)/ca.pem") == 1
    else { fail("certificates in \(folder): \(opensslErrors())") }
    self.context = context
  }

  deinit { SSL_CTX_free(context) }

  /// A handshaken connection to a port of this machine; blocks until it is.
  public func connect(port: UInt16, wire: Wire) -> TLSSocket {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = loopback(port)
    let connected = connectSocket(descriptor, &address)
    guard connected == 0, let ssl = SSL_new(context) else {
      fail("cannot connect to port \(port): \(String(cString: strerror(errno)))")
    }
    if wire == .nightjar {
      let name = [UInt8(10)] + Array("nightjar/1".utf8)
      SSL_set_alpn_protos(ssl, name, UInt32(name.count))
    }
    SSL_set_fd(ssl, descriptor)
    guard SSL_connect(ssl) == 1 else { fail("handshake with port \(port): \(opensslErrors())") }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    return TLSSocket(descriptor: descriptor, ssl: ssl)
  }
}

/// An established connection, closed with its owner.
public final class TLSSocket {
  let descriptor: Int32
  let ssl: OpaquePointer

  init(descriptor: Int32, ssl: OpaquePointer) {
    self.descriptor = descriptor
    self.ssl = ssl
  }

  deinit {
    SSL_free(ssl)
    close(descriptor)
  }
}

func opensslErrors() -> String {
  var text = ""
  while case let code = ERR_get_error(), code != 0 { text += String(cString: ERR_error_string(code, nil)) + "; " }
  return text
}
