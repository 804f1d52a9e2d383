/// What the admin port makes of the bytes of a request: GET of two paths and nothing else (HTTP/1.1, RFC 9112).
enum AdminAnswer: Equatable {
  /// The request has not ended yet.
  case needsMore
  /// Send these bytes and close.
  case reply([UInt8])

  /// Longest request, line and headers.
  static let maximumRequestBytes = 8_192

  static func answer(to request: [UInt8], health: Health.State, remarks: () -> [String], metrics: () -> String)
    -> AdminAnswer
  {
    guard request.count <= maximumRequestBytes else {
      return reply("431 Request Header Fields Too Large", "at most \(maximumRequestBytes) bytes\n")
    }
    guard endsHeaders(request) else { return .needsMore }
    let line = request.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
    let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard words.count == 3, words[2].starts(with: "HTTP/1.".utf8) else {
      return reply("400 Bad Request", "not HTTP/1.1\n")
    }
    guard words[0].elementsEqual("GET".utf8) else {
      return reply("405 Method Not Allowed", "GET only\n", extra: "Allow: GET\r\n")
    }
    switch words[1].prefix(while: { $0 != UInt8(ascii: "?") }) {
    case let path where path.elementsEqual("/health".utf8):
      return reply(
        health == .serving ? "200 OK" : "503 Service Unavailable",
        ([health.rawValue] + remarks()).joined(separator: "\n") + "\n")
    case let path where path.elementsEqual("/metrics".utf8):
      return reply("200 OK", metrics(), type: "text/plain; version=0.0.4; charset=utf-8")
    default: return reply("404 Not Found", "there are /health and /metrics\n")
    }
  }

  private static func endsHeaders(_ request: [UInt8]) -> Bool {
    let end = Array("\r\n\r\n".utf8)
    guard request.count >= end.count else { return false }
    return (0...(request.count - end.count)).contains { request[$0..<($0 + end.count)].elementsEqual(end) }
  }

  private static func reply(
    _ status: String, _ body: String, type: String = "text/plain; charset=utf-8", extra: String = ""
  ) -> AdminAnswer {
    let head = "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\(extra)"
    return .reply(Array("\(head)Connection: close\r\n\r\n\(body)".utf8))
  }
}
