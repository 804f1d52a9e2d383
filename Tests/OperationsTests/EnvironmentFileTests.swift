import Foundation
import Testing

@testable import Operations

@Suite("the environment files of deploy/systemd")
struct EnvironmentFileTests {
  private static let source = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")

  @Test("name options that their service has", arguments: ["ingest", "control", "ranker", "trainer"])
  func options(service: String) throws {
    let file = Self.source.appending(path: "deploy/systemd/\(service).env")
    let variables = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
      .map { $0.split(separator: "=", maxSplits: 1) }
    #expect(variables.count >= 3)
    let help = try run("nightjar-\(service)", "--help").output
    for variable in variables {
      try #require(variable.count == 2)
      let arguments = Environment.arguments(
        given: [], environment: [String(variable[0]): String(variable[1])], help: help)
      #expect(arguments.count == 1, "\(variable[0]) sets no option of nightjar-\(service)")
    }
  }
}
