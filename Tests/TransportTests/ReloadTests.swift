import Glibc
import Testing

@testable import Transport

@Suite("Certificates read again")
struct ReloadTests {
  private let reactor: Reactor
  private let platform = Certificates.files("platform-cli")

  init() throws { reactor = try Reactor(name: "test") }

  /// Connects with `files` and waits for an echo; throws what the connection ends with.
  private func echo(_ context: TLSContext, to port: UInt16) async throws -> [UInt8] {
    let caller = try await Loopback.connect(to: port, on: reactor, context: context)
    caller.send([7])
    await eventually("an echo or the end") { !caller.bytes.value.isEmpty || caller.end.value != nil }
    return caller.bytes.value
  }

  @Test("serve new connections, while those that stand go on")
  func server() async throws {
    let context = try TLSContext(server: Certificates.files("ranker-a"))
    let listener = try Loopback.listen(on: [reactor], context: context) { _ in Echo() }
    let client = try TLSContext(client: platform)
    let standing = try await Loopback.connect(to: listener.port, on: reactor, context: client)
    try context.reload(Certificates.files("control-a"))
    let next = try await Loopback.connect(to: listener.port, on: reactor, context: client)
    await eventually("the first meets the old") { standing.peer.value?.role == .ranker }
    await eventually("the next meets the new") { next.peer.value?.role == .control }
    standing.send([1])
    await eventually("the standing connection answers") { standing.bytes.value == [1] }
    listener.close()
  }

  @Test("stay as they are when the new ones are damaged or do not fit together")
  func damaged() async throws {
    let files = Certificates.files("ranker-a")
    let context = try TLSContext(server: files)
    let listener = try Loopback.listen(on: [reactor], context: context) { _ in Echo() }
    let other = Certificates.files("control-a")
    for wrong in [
      CertificateFiles(chain: other.chain, key: files.key, authorities: files.authorities),
      CertificateFiles(chain: files.chain, key: "/nowhere", authorities: files.authorities),
      CertificateFiles(chain: files.chain, key: files.key, authorities: files.key),
      CertificateFiles(
        chain: files.chain, key: files.key, authorities: files.authorities, revocations: files.authorities),
    ] {
      #expect(throws: TransportError.self) { try context.reload(wrong) }
    }
    #expect(try await echo(TLSContext(client: platform), to: listener.port) == [7])
    listener.close()
  }

  @Test("keep a revoked client out, and no other")
  func revoked() async throws {
    var files = Certificates.files("ranker-a")
    let context = try TLSContext(server: files)
    let refused = Box<[TransportError]>([])
    let listener = try Loopback.listen(on: [reactor], context: context, refused: refused) { _ in Echo() }
    let (one, other) = (try TLSContext(client: platform), try TLSContext(client: Certificates.files("control-a")))
    #expect(try await echo(one, to: listener.port) == [7])
    files.revocations = Certificates.revocations(of: ["platform-cli"])
    try context.reload(files)
    // The client has done its part of the handshake before the server judges it.
    let answer = try? await echo(one, to: listener.port)
    #expect(answer ?? [] == [])
    await eventually("refused") { refused.value == [.refused("certificate: certificate revoked")] }
    #expect(try await echo(other, to: listener.port) == [7])
    listener.close()
  }

  @Test("tell when the certificate expires and when the list of revocations must have been renewed")
  func expiry() throws {
    var files = platform
    let now = Int64(time(nil))
    #expect(abs(try files.expiry() - now - 30 * 86_400) < 600)
    #expect(try files.revocationsExpiry() == nil)
    files.revocations = Certificates.revocations(of: ["platform-cli"])
    #expect(abs(try #require(try files.revocationsExpiry()) - now - 86_400) < 600)
    files.revocations = "/nowhere"
    #expect(throws: TransportError.self) { try files.revocationsExpiry() }
  }

  @Test("keep a client from a revoked server")
  func revokedServer() async throws {
    let listener = try Loopback.listen(on: [reactor], context: TLSContext(server: Certificates.files("ranker-a"))) {
      _ in
      Echo()
    }
    var files = platform
    let context = try TLSContext(client: files)
    files.revocations = Certificates.revocations(of: ["ranker-a"])
    try context.reload(files)
    await #expect(throws: TransportError.refused("certificate: certificate revoked")) {
      try await Loopback.connect(to: listener.port, on: reactor, context: context)
    }
    listener.close()
  }
}
