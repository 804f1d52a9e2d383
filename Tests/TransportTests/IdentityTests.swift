import Foundation
import Testing

@testable import Transport

@Suite("Who may talk", .serialized)
struct IdentityTests {
  private let server: Reactor
  private let client: Reactor

  init() throws {
    server = try Reactor(name: "server")
    client = try Reactor(name: "client")
  }

  private static let clientUsage = "extendedKeyUsage=clientAuth"

  @Test(
    "a client that is not who it should be is refused with the reason, and the next is served",
    arguments: [
      (
        "subjectAltName=URI:spiffe://nightjar/platform/x\nextendedKeyUsage=serverAuth", 1,
        "unsuitable certificate purpose"
      ),
      ("subjectAltName=URI:spiffe://nightjar/platform/x", 1, "extended key usage"),
      (
        "subjectAltName=URI:spiffe://nightjar/platform/x,URI:spiffe://nightjar/admin/x\n\(clientUsage)", 1,
        "exactly one"
      ),
      ("subjectAltName=DNS:localhost\n\(clientUsage)", 1, "exactly one"),
      ("subjectAltName=URI:spiffe://nightjar/emperor/x\n\(clientUsage)", 1, "known role"),
      ("subjectAltName=URI:spiffe://elsewhere/platform/x\n\(clientUsage)", 1, "known role"),
      ("subjectAltName=URI:spiffe://nightjar/platform/x/y\n\(clientUsage)", 1, "known role"),
      ("subjectAltName=URI:spiffe://nightjar/platform/\n\(clientUsage)", 1, "no name"),
      ("subjectAltName=URI:spiffe://nightjar/platform/x\n\(clientUsage)", 0, "expired"),
      // The URI ends in a NUL and 'y', then in a byte that is not UTF-8.
      (
        "subjectAltName=DER:3020861e7370696666653a2f2f6e696768746a61722f706c6174666f726d2f780079\n\(clientUsage)", 1,
        "no name"
      ),
      (
        "subjectAltName=DER:301f861d7370696666653a2f2f6e696768746a61722f706c6174666f726d2f78ff\n\(clientUsage)", 1,
        "no name"
      ),
    ])
  func refusedClients(extensions: String, days: Int, reason: String) async throws {
    let files = Certificates.special("special", extensions: extensions, days: days)
    let refused = Box<[TransportError]>([])
    let listener = try Loopback.listen(on: [server], refused: refused) { _ in Echo() }
    // In TLS 1.3 a client is done before the server has seen its certificate: it learns of the refusal afterwards.
    let collector = try? await Loopback.connect(to: listener.port, on: client, files: files)
    await eventually("refused") { !refused.value.isEmpty }
    #expect(refused.value.first?.description.contains(reason) == true, "\(refused.value)")
    if let collector { await eventually("told") { collector.end.value != nil } }
    let next = try await Loopback.connect(to: listener.port, on: client)
    next.send([1])
    await eventually("the next is served") { next.bytes.value == [1] }
    listener.close()
  }

  @Test(
    "a name may be all digits, or begin with one, and have 63 bytes",
    arguments: ["7", "2fast", String(repeating: "a.-_", count: 15) + "xyz"])
  func names(name: String) throws {
    #expect(try PeerIdentity(uri: "spiffe://nightjar/tenant/\(name)") == PeerIdentity(role: .tenant, name: name))
  }

  @Test(
    "other names are refused",
    arguments: ["", ".a", "-a", "_a", "a b", "a\0", "ä", "a%41", "a/", String(repeating: "a", count: 64)])
  func noName(name: String) {
    #expect(throws: TransportError.self) { try PeerIdentity(uri: "spiffe://nightjar/tenant/\(name)") }
  }

  @Test("a client of another authority is refused")
  func foreignClient() async throws {
    let refused = Box<[TransportError]>([])
    let listener = try Loopback.listen(on: [server], refused: refused) { _ in Echo() }
    let files = Certificates.files("platform-cli", in: Certificates.foreign, authorities: Certificates.folder)
    _ = try? await Loopback.connect(to: listener.port, on: client, files: files)
    await eventually("refused") { !refused.value.isEmpty }
    #expect(refused.value.first?.description.contains("certificate") == true)
    listener.close()
  }

  @Test("a client refuses a server of another authority, a client's certificate, and another name")
  func refusedServers() async throws {
    for files in [
      Certificates.files("ranker-a", in: Certificates.foreign, authorities: Certificates.folder),
      Certificates.files("platform-cli"),
    ] {
      let listener = try Loopback.listen(on: [server], files: files) { _ in Echo() }
      await #expect(throws: TransportError.self) { try await Loopback.connect(to: listener.port, on: client) }
      listener.close()
    }
    let listener = try Loopback.listen(on: [server]) { _ in Echo() }
    await #expect(throws: TransportError.self) {
      try await Loopback.connect(to: listener.port, on: client, serverName: "acme.control.example")
    }
    listener.close()
  }

  @Test(
    "other clients of TLS are refused: no certificate, TLS 1.2, another protocol, none",
    arguments: [
      "-alpn nightjar/1", "-alpn nightjar/1 -tls1_2 ID", "-alpn h2 ID", "ID",
    ])
  func otherClients(arguments: String) async throws {
    let refused = Box<[TransportError]>([])
    let listener = try Loopback.listen(on: [server], refused: refused) { _ in Echo() }
    let identity = "-cert \(Certificates.folder)/platform-cli.pem -key \(Certificates.folder)/platform-cli-key.pem"
    Certificates.shell(
      "echo x | timeout 20 openssl s_client -connect 127.0.0.1:\(listener.port) "
        + "-CAfile \(Certificates.folder)/ca.pem \(arguments.replacing("ID", with: identity)) -quiet || true")
    await eventually("refused") { !refused.value.isEmpty }
    let next = try await Loopback.connect(to: listener.port, on: client)
    next.send([1])
    await eventually("the next is served") { next.bytes.value == [1] }
    listener.close()
  }

  @Test("nobody listening is said within the timeout")
  func nobody() async throws {
    await #expect(throws: TransportError.system(operation: "connect to 127.0.0.1:1", errno: ECONNREFUSED)) {
      try await Loopback.connect(to: 1, on: client)
    }
  }

  @Test(
    "addresses are host:port",
    arguments: [
      ("localhost:9443", "localhost", 9443), ("[::1]:0", "::1", 0), ("10.0.0.1:65535", "10.0.0.1", 65535),
    ] as [(String, String, UInt16)])
  func addresses(text: String, host: String, port: UInt16) throws {
    #expect(try SocketAddress(parsing: text) == SocketAddress(host: host, port: port))
    #expect(try SocketAddress(parsing: text).description == text)
  }

  @Test(
    "what is no address is said to be none", arguments: ["", "host", ":1", "host:", "host:65536", "host:-1", "::1:9"])
  func noAddress(text: String) {
    #expect(throws: TransportError.self) { try SocketAddress(parsing: text) }
  }
}

@Suite("Signatures")
struct SignatureTests {
  private let bytes = Array("tenant uk, watermark 17".utf8)

  @Test("a signature by the role's certificate is believed")
  func believed() throws {
    let signature = try Signer(files: Certificates.files("control-a")).sign(bytes)
    let verifier = try SignatureVerifier(files: Certificates.files("control-a"))
    #expect(try verifier.verify(bytes, signature, role: .control) == PeerIdentity(role: .control, name: "a"))
  }

  @Test("another role's, a foreign, an expired, a trainer's, a changed, a cut and an empty one are not")
  func refused() throws {
    let verifier = try SignatureVerifier(files: Certificates.files("control-a"))
    func expectRefused(_ signature: Signature, _ bytes: [UInt8]) {
      #expect {
        try verifier.verify(bytes, signature, role: .control)
      } throws: {
        guard case TransportError.refused = $0 else { return false }
        return true
      }
    }
    let good = try Signer(files: Certificates.files("control-a")).sign(bytes)
    expectRefused(try Signer(files: Certificates.files("ingest-a")).sign(bytes), bytes)
    expectRefused(try Signer(files: Certificates.files("trainer-node-1")).sign(bytes), bytes)
    expectRefused(try Signer(files: Certificates.files("control-a", in: Certificates.foreign)).sign(bytes), bytes)
    let expired = Certificates.special(
      "expired", extensions: "subjectAltName=URI:spiffe://nightjar/control/a\nextendedKeyUsage=serverAuth", days: 0)
    expectRefused(try Signer(files: expired).sign(bytes), bytes)
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 1
      expectRefused(good, changed)
    }
    expectRefused(Signature(certificate: good.certificate, signature: []), bytes)
    expectRefused(Signature(certificate: good.certificate, signature: Array(good.signature.dropLast())), bytes)
    expectRefused(Signature(certificate: Array(good.certificate.dropLast()), signature: good.signature), bytes)
    expectRefused(Signature(certificate: [], signature: good.signature), bytes)
  }

  @Test("a revoked one is believed no more once its list is read, and a damaged list changes nothing")
  func revoked() throws {
    var files = Certificates.files("control-a")
    let verifier = try SignatureVerifier(files: files)
    let signature = try Signer(files: files).sign(bytes)
    files.revocations = Certificates.revocations(of: ["control-a"])
    try verifier.reload(files)
    #expect(throws: TransportError.refused("signature: certificate: certificate revoked")) {
      try verifier.verify(bytes, signature, role: .control)
    }
    files.revocations = Certificates.folder + "/ca.pem"
    #expect(throws: TransportError.self) { try verifier.reload(files) }
    #expect(throws: TransportError.self) { try verifier.verify(bytes, signature, role: .control) }
    files.revocations = Certificates.revocations(of: ["ingest-a"])
    try verifier.reload(files)
    #expect(try verifier.verify(bytes, signature, role: .control).name == "a")
  }

  @Test("a signer signs with its new certificate once that is read, and not with one that its key does not fit")
  func signerReloads() throws {
    let signer = try Signer(files: Certificates.files("ingest-a"))
    let (control, ingest) = (Certificates.files("control-a"), Certificates.files("ingest-a"))
    let mixed = CertificateFiles(chain: control.chain, key: ingest.key, authorities: control.authorities)
    #expect(throws: TransportError.self) { try signer.reload(mixed) }
    let before = try signer.sign(bytes).certificate
    try signer.reload(control)
    #expect(try signer.sign(bytes).certificate != before)
    let verifier = try SignatureVerifier(files: control)
    #expect(try verifier.verify(bytes, try signer.sign(bytes), role: .control).name == "a")
  }
}
