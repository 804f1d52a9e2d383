import Testing

@testable import Operations

@Suite("the environment")
struct EnvironmentTests {
  private let help = "USAGE: nightjar-x [--log-level <log-level>] [--listen <listen>] [--stop-at-end-of-input]"

  private func arguments(_ given: [String], _ environment: [String: String]) -> [String] {
    Environment.arguments(given: given, environment: environment, help: help)
  }

  @Test("sets an option that the command line leaves out")
  func sets() {
    #expect(arguments([], ["NIGHTJAR_LOG_LEVEL": "debug"]) == ["--log-level=debug"])
    #expect(
      arguments(["--listen", "a:1"], ["NIGHTJAR_LOG_LEVEL": "debug"]) == ["--log-level=debug", "--listen", "a:1"])
  }

  @Test("gives way to the command line", arguments: [["--listen", "a:1"], ["--listen=a:1"]])
  func givesWay(given: [String]) {
    #expect(arguments(given, ["NIGHTJAR_LISTEN": "b:2"]) == given)
  }

  @Test("sets nothing that is not an option, however others use the prefix")
  func unknown() {
    #expect(arguments([], ["NIGHTJAR_INGEST_PORT": "tcp://1", "NIGHTJAR_LOG": "x", "LISTEN": "c:3"]).isEmpty)
  }

  @Test("sets a flag by the word true and by nothing else", arguments: ["true", "false", "", "1"])
  func flag(value: String) {
    let expected = value == "true" ? ["--stop-at-end-of-input"] : []
    #expect(arguments([], ["NIGHTJAR_STOP_AT_END_OF_INPUT": value]) == expected)
  }

  @Test("keeps spaces and equals signs of a value")
  func values() {
    #expect(arguments([], ["NIGHTJAR_LISTEN": "a b=c"]) == ["--listen=a b=c"])
  }
}
