import Glibc
import Testing

@testable import Operations

@Suite("the admin port")
struct AdminTests {
  private func status(_ request: String, health: Health.State = .serving) -> String? {
    guard case .reply(let bytes) = AdminAnswer.answer(to: Array(request.utf8), health: health, metrics: { "up 1\n" })
    else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("answers /health by the phase", arguments: [Health.State.starting, .serving, .stopping])
  func health(state: Health.State) throws {
    let answer = try #require(status("GET /health HTTP/1.1\r\nHost: x\r\n\r\n", health: state))
    #expect(answer.hasPrefix(state == .serving ? "HTTP/1.1 200 OK" : "HTTP/1.1 503 "))
    #expect(answer.hasSuffix("\r\n\r\n\(state.rawValue)\n"))
  }

  @Test("answers /metrics with the exposition and its length")
  func metrics() throws {
    let answer = try #require(status("GET /metrics?x=1 HTTP/1.0\r\n\r\n"))
    #expect(answer.contains("Content-Length: 5\r\n"))
    #expect(answer.hasSuffix("\r\n\r\nup 1\n"))
  }

  @Test(
    "refuses what it does not know",
    arguments: [
      ("POST /health HTTP/1.1\r\n\r\n", "405"), ("GET / HTTP/1.1\r\n\r\n", "404"), ("GET /health\r\n\r\n", "400"),
      ("GET  /health HTTP/1.1\r\n\r\n", "400"), ("\r\n\r\n", "400"), ("GET /health HTTP/2\r\n\r\n", "400"),
      ("\u{0}\u{1}\r\n\r\n", "400"), ("GET /../etc/passwd HTTP/1.1\r\n\r\n", "404"),
      (String(repeating: "x", count: 8_193), "431"),
    ])
  func refusals(request: String, code: String) throws {
    #expect(try #require(status(request)).hasPrefix("HTTP/1.1 \(code) "))
  }

  @Test("waits for the end of the headers")
  func incomplete() {
    #expect(status("GET /health HTTP/1.1\r\nHost: x\r\n") == nil)
    #expect(status("") == nil)
  }

  @Test("answers over a socket on loopback and stops when its task is cancelled")
  func socketRoundTrip() async throws {
    let health = Health()
    let port = try AdminPort(port: 0, health: health, metrics: Metrics())
    let running = Task { try await port.run() }
    #expect(try Self.ask(port.port, "GET /health HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 503 "))
    health.move(to: .serving)
    #expect(try Self.ask(port.port, "GET /health HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
    #expect(try Self.ask(port.port, "GET /metrics HTTP/1.1\r\n\r\n").contains("\nprocess_open_fds "))
    running.cancel()
    try await running.value
  }

  @Test("says what to do when its port is taken")
  func taken() throws {
    let first = try AdminPort(port: 0, health: Health(), metrics: Metrics())
    let error = #expect(throws: StartError.self) {
      _ = try AdminPort(port: first.port, health: Health(), metrics: Metrics())
    }
    #expect(try #require(error).remedy.contains("--admin-port"))
  }

  /// Sends `request` and reads until the other side closes.
  private static func ask(_ port: UInt16, _ request: String) throws -> String {
    let caller = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(caller) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(caller, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(connected == 0)
    try #require(send(caller, request, request.utf8.count, 0) == request.utf8.count)
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while case let count = recv(caller, &chunk, chunk.count, 0), count > 0 { answer += chunk[..<count] }
    return String(decoding: answer, as: UTF8.self)
  }
}
