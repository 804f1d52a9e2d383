import Foundation
import Logging
import Synchronization
import Testing

@testable import Operations

@Suite("the log")
struct LogTests {
  /// What a logger wrote, line by line, read back as JSON.
  private func lines(_ level: Logger.Level = .info, _ body: (Logger) -> Void) throws -> [[String: String]] {
    let written = LogLines()
    body(Logger(label: "test") { _ in JSONLogHandler(service: "nightjar-test", level: level) { written.add($0) } })
    return try written.all.map { line in
      #expect(line.last == UInt8(ascii: "\n"))
      #expect(line.count { $0 == UInt8(ascii: "\n") } == 1)
      return try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: String])
    }
  }

  @Test("is one JSON object a line with time, level, service and event")
  func fixedKeys() throws {
    let lines = try lines { $0.warning("disk is full", metadata: ["path": "/data", "free_bytes": "12"]) }
    let line = try #require(lines.first)
    #expect(lines.count == 1)
    #expect(line["level"] == "warning")
    #expect(line["service"] == "nightjar-test")
    #expect(line["event"] == "disk is full")
    #expect(line["path"] == "/data")
    #expect(line["free_bytes"] == "12")
    let time = try #require(line["time"])
    #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
  }

  @Test(
    "stays one valid line whatever is logged",
    arguments: ["a\nb", "\"quoted\" \\ back", "\u{0}\u{1f}\u{7f}", "ü 🐦", "\r\n"])
  func hostileText(text: String) throws {
    let line = try #require(try lines { $0.info("said", metadata: ["text": "\(text)"]) }.first)
    #expect(line["text"] == text)
  }

  @Test("cuts a value that is too long")
  func longText() throws {
    let text = String(repeating: "🐦", count: 10_000)
    let line = try #require(try lines { $0.info("said", metadata: ["text": "\(text)"]) }.first)
    let shown = try #require(line["text"])
    #expect(shown.utf8.count <= JSONLine.maximumValueBytes + 3)
    #expect(shown.hasSuffix("…"))
  }

  @Test("keeps its own keys when metadata uses their names")
  func reservedKeys() throws {
    let line = try #require(try lines { $0.info("said", metadata: ["event": "mine"]) }.first)
    #expect(line["event"] == "said")
    #expect(line["event_"] == "mine")
  }

  @Test("leaves out what is less severe than its level")
  func level() throws {
    #expect(try lines(.error) { $0.warning("quiet") }.isEmpty)
  }

  @Test("writes times as ISO 8601 in UTC")
  func time() {
    #expect(JSONLine.iso8601(timespec(tv_sec: 0, tv_nsec: 0)) == "1970-01-01T00:00:00.000Z")
    #expect(JSONLine.iso8601(timespec(tv_sec: 1_323_435_000, tv_nsec: 7_999_999)) == "2011-12-09T12:50:00.007Z")
  }
}
