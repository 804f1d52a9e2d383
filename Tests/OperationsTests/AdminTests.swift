import Glibc
import Synchronization
import Testing
import Transport

@testable import Operations

@Suite("the admin port")
struct AdminTests {
  private static let anyPort = SocketAddress(host: "127.0.0.1", port: 0)

  private func status(
    _ request: String, health: Health.State = .serving, remarks: [String] = []
  ) -> String? {
    let answer = AdminAnswer.answer(
      to: Array(request.utf8), health: health, remarks: { remarks }, metrics: { "up 1\n" })
    guard case .reply(let bytes) = answer else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("answers /health by the phase", arguments: [Health.State.starting, .serving, .stopping])
  func health(state: Health.State) throws {
    let answer = try #require(status("GET /health HTTP/1.1\r\nHost: x\r\n\r\n", health: state))
    #expect(answer.hasPrefix(state == .serving ? "HTTP/1.1 200 OK" : "HTTP/1.1 503 "))
    #expect(answer.hasSuffix("\r\n\r\n\(state.rawValue)\n"))
  }

  @Test("says at /health what is amiss though calls are taken, and only as long as it is")
  func remarks() throws {
    let answer = try #require(status("GET /health HTTP/1.1\r\n\r\n", remarks: ["the disk is full"]))
    #expect(answer.hasPrefix("HTTP/1.1 200 OK") && answer.hasSuffix("\r\n\r\nserving\nthe disk is full\n"))
    let health = Health()
    let amiss = Mutex(true)
    health.remarks.add { amiss.withLock { $0 } ? "amiss" : nil }
    health.remarks.add { nil }
    #expect(health.remarks.lines == ["amiss"])
    amiss.withLock { $0 = false }
    #expect(health.remarks.lines == [])
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
    let port = try AdminPort(address: Self.anyPort, health: health, metrics: Metrics())
    let running = Task { try await port.run() }
    #expect(try Self.ask(port.address.port, "GET /health HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 503 "))
    health.move(to: .serving)
    #expect(try Self.ask(port.address.port, "GET /health HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
    #expect(try Self.ask(port.address.port, "GET /metrics HTTP/1.1\r\n\r\n").contains("\nprocess_open_fds "))
    running.cancel()
    try await running.value
  }

  @Test("says what to do when its port is taken")
  func taken() throws {
    let first = try AdminPort(address: Self.anyPort, health: Health(), metrics: Metrics())
    let error = #expect(throws: StartError.self) {
      _ = try AdminPort(address: first.address, health: Health(), metrics: Metrics())
    }
    #expect(try #require(error).remedy.contains("--admin-listen"))
  }

  @Test("lets callers that send nothing, or read nothing, keep nobody else waiting")
  func slowCallers() async throws {
    let port = try AdminPort(address: Self.anyPort, health: Health(), metrics: Metrics())
    let running = Task { try await port.run() }
    let slow = try (0..<AdminPort.maximumCallers * 2).map { _ in try Self.connected(port.address.port) }
    defer { for caller in slow { close(caller) } }
    for caller in slow.suffix(8) { try #require(send(caller, "GET /met", 8, 0) == 8) }
    let start = ContinuousClock.now
    #expect(try Self.ask(port.address.port, "GET /health HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 503 "))
    // One after the other they would have taken two minutes.
    #expect(start.duration(to: .now) < .seconds(60))
    running.cancel()
    try await running.value
  }

  @Test("takes a bare port as one of loopback, and another host when told", arguments: ["0", "127.0.0.2:0", "[::1]:0"])
  func hosts(text: String) throws {
    let wanted = try #require(try ServiceOptions.parse(["--certificates", "x", "--admin-listen", text]).adminListen)
    #expect(text.hasPrefix("0") == (wanted.host == "127.0.0.1"))
    let port = try AdminPort(address: wanted, health: Health(), metrics: Metrics())
    #expect(port.address.port > 0)
    #expect(port.address.host == wanted.host)
  }

  /// Sends `request` and reads until the other side closes.
  private static func ask(_ port: UInt16, _ request: String) throws -> String {
    let caller = try connected(port)
    defer { close(caller) }
    try #require(send(caller, request, request.utf8.count, 0) == request.utf8.count)
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while case let count = recv(caller, &chunk, chunk.count, 0), count > 0 { answer += chunk[..<count] }
    return String(decoding: answer, as: UTF8.self)
  }

  private static func connected(_ port: UInt16) throws -> Int32 {
    let caller = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
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
    return caller
  }
}
