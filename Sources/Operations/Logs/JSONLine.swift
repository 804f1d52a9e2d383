import Glibc

/// One JSON object on one line, written key by key.
struct JSONLine {
  private(set) var bytes: [UInt8] = [UInt8(ascii: "{")]

  /// Longest text that a line takes for one value; the rest is cut off and marked.
  static let maximumValueBytes = 4_096

  mutating func add(_ key: String, _ value: String) {
    if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
    quote(key)
    bytes.append(UInt8(ascii: ":"))
    quote(value)
  }

  mutating func finish() {
    bytes.append(contentsOf: "}\n".utf8)
  }

  /// Appends `text` as a JSON string (RFC 8259, section 7).
  private mutating func quote(_ text: String) {
    let whole = text.utf8.count <= Self.maximumValueBytes
    let shown = whole ? text[...] : text.prefix(Self.maximumValueBytes / 4)
    bytes.append(UInt8(ascii: "\""))
    for byte in shown.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
      case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
      case 0..<0x20, 0x7f:
        let hex = String(byte, radix: 16)
        bytes.append(contentsOf: "\\u00\(hex.count == 1 ? "0" : "")\(hex)".utf8)
      default: bytes.append(byte)
      }
    }
    if !whole { bytes.append(contentsOf: "…".utf8) }
    bytes.append(UInt8(ascii: "\""))
  }
}

extension JSONLine {
  /// A wall clock reading as ISO 8601 with milliseconds, in UTC.
  static func iso8601(_ time: timespec) -> String {
    var seconds = time.tv_sec
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func digits(_ number: some BinaryInteger, _ width: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    let date = "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
    let clock = "\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))"
    return "\(date)T\(clock).\(digits(time.tv_nsec / 1_000_000, 3))Z"
  }
}
