import Foundation
import Testing

@testable import Operations

@Suite("starting a service")
struct StartTests {
  /// What a service that cannot start logs last.
  private func lastWords(_ log: String) throws -> [String: String] {
    let line = try #require(log.split(separator: "\n").last)
    return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
  }

  @Test("without its certificate fails with status 1 and the command that makes it", arguments: ["ingest", "control"])
  func noCertificate(service: String) throws {
    let ended = try run(
      "nightjar-\(service)", "--certificates", "/nowhere", "--data", "/nowhere/data",
      "--\(service == "ingest" ? "listen" : "ingest")", "127.0.0.1:1")
    #expect(ended.status == 1)
    let words = try lastWords(ended.log)
    #expect(words["level"] == "critical")
    #expect(words["event"] == "cannot start")
    #expect(words["error"]?.contains("deploy/dev-certificates.sh /nowhere \(service)/a") == true)
  }

  @Test(
    "with options that make no sense fails with status 64 and says which",
    arguments: [
      "--log-level=loud", "--grace-seconds=-1", "--grace-seconds=9999", "--reactors=1000", "--fly=1",
      "--admin-listen=nowhere", "--admin-listen=70000",
    ])
  func badOption(option: String) throws {
    let ended = try run("nightjar-ingest", "--certificates", "/nowhere", "--data", "/nowhere", option)
    #expect(ended.status == 64)
    #expect(ended.log.contains(try #require(option.split(separator: "=").first)))
  }
}
