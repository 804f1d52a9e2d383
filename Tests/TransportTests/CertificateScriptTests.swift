import Foundation
import Testing

@testable import Transport

@Suite("The script that makes certificates for development")
struct CertificateScriptTests {
  /// A folder whose name has a space in it.
  private let folder = Certificates.folder + "/of script \(UUID().uuidString)"

  private func isBelieved(_ identity: String) throws -> Bool {
    let files = Certificates.files(identity, in: folder)
    let signature = try Signer(files: files).sign([1])
    let verifier = try SignatureVerifier(
      files: CertificateFiles(chain: files.chain, key: files.key, authorities: folder + "/ca.pem"))
    return (try? verifier.verify([1], signature, role: .ranker)) != nil
  }

  @Test("takes the longest name that a certificate may have")
  func longestName() throws {
    let name = String(repeating: "7", count: 63)
    Certificates.make(in: folder, ["ranker/\(name):a.example,*.b.example"])
    #expect(try isBelieved("ranker-\(name)"))
  }

  @Test(
    "says what is wrong with an identity",
    arguments: [
      "emperor/a", "ranker", "ranker/", "ranker/-a", "ranker/a b", "ranker/a\nb", "ranker/a-key", "ranker/a:",
      "ranker/a:b c", "ranker/a:b,,c", "ranker/a:b,URI:c", "ranker/\(String(repeating: "a", count: 64))",
    ])
  func wrongIdentity(identity: String) {
    let said = Certificates.make(in: folder, [identity], or: "[ $? = 2 ]")
    #expect(said.contains("dev-certificates.sh: '"))
    #expect(!FileManager.default.fileExists(atPath: folder + "/ranker-a.pem"))
  }

  @Test("makes a certificate again when its authority is another, also when it was not asked for in between")
  func otherAuthority() throws {
    Certificates.make(in: folder, ["ranker/a"])
    try FileManager.default.removeItem(atPath: folder + "/ca.pem")
    Certificates.make(in: folder, ["ranker/b"])
    #expect(try !isBelieved("ranker-a"))
    Certificates.make(in: folder, ["ranker/a"])
    #expect(try isBelieved("ranker-a"))
  }

  @Test("keeps what is good, whoever asks at the same time")
  func concurrent() async throws {
    await withTaskGroup { group in
      for _ in 0..<4 { group.addTask { [folder] in Certificates.make(in: folder, ["ranker/a", "ranker/b"]) } }
    }
    let made = try Data(contentsOf: URL(filePath: folder + "/ranker-a.pem"))
    #expect(try isBelieved("ranker-a") && isBelieved("ranker-b"))
    Certificates.make(in: folder, ["ranker/a", "ranker/b"])
    #expect(try Data(contentsOf: URL(filePath: folder + "/ranker-a.pem")) == made)
  }
}
