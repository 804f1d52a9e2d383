/// Splits the record at the front of some bytes into fields.
struct CSVRecordParser {
  enum Outcome {
    /// `bytes` and `lines` include the line end.
    case complete([String], bytes: Int, lines: Int)
    case emptyLine(bytes: Int)
    case broken(CSVError)
    /// More bytes are needed; where they cannot come, an open quote is to blame if there is one.
    case incomplete(openQuote: CSVError?)
  }

  private let bytes: UnsafeBufferPointer<UInt8>
  private var at = 0
  private var lines = 0
  private var fields: [String] = []

  private static let comma = UInt8(ascii: ",")
  private static let quote = UInt8(ascii: "\"")
  private static let newline = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  init(bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
  }

  /// `isLast`: nothing follows the bytes, so their end ends the record. Complexity: O(bytes of the record).
  consuming func parse(isLast: Bool) -> Outcome {
    if let length = emptyLineLength() { return .emptyLine(bytes: length) }
    guard at < bytes.count else { return .incomplete(openQuote: nil) }
    var column = 1
    while true {
      let field = at < bytes.count && bytes[at] == Self.quote ? quoted(isLast) : plain(isLast)
      switch field {
      case .text(let text): fields.append(text)
      case .problem(let problem): return .broken(problem(column))
      case .cut(let problem): return .incomplete(openQuote: problem?(column))
      }
      guard at < bytes.count else { return .complete(fields, bytes: at, lines: lines) }
      at += 1
      if bytes[at - 1] == Self.newline { return .complete(fields, bytes: at, lines: lines + 1) }
      column += 1
    }
  }

  private enum Field {
    case text(String)
    case problem((Int) -> CSVError)
    case cut(((Int) -> CSVError)?)
  }

  private func emptyLineLength() -> Int? {
    guard let first = bytes.first else { return nil }
    if first == Self.newline { return 1 }
    return first == Self.carriageReturn && bytes.count > 1 && bytes[1] == Self.newline ? 2 : nil
  }

  /// Leaves `at` on the comma or newline behind the field, or at the end.
  private mutating func plain(_ isLast: Bool) -> Field {
    let start = at
    while at < bytes.count, bytes[at] != Self.comma, bytes[at] != Self.newline {
      if bytes[at] == Self.quote { return .problem(CSVError.strayQuote) }
      at += 1
    }
    guard at < bytes.count || isLast else { return .cut(nil) }
    let endsLine = at == bytes.count || bytes[at] == Self.newline
    let end = endsLine && at > start && bytes[at - 1] == Self.carriageReturn ? at - 1 : at
    return text(UnsafeBufferPointer(rebasing: bytes[start..<end]))
  }

  /// Leaves `at` on the comma or newline behind the field, or at the end.
  private mutating func quoted(_ isLast: Bool) -> Field {
    var start = at + 1
    // Stays empty, and the field is read in place, unless a quote is doubled.
    var unescaped: [UInt8] = []
    at += 1
    while true {
      while at < bytes.count, bytes[at] != Self.quote {
        if bytes[at] == Self.newline { lines += 1 }
        at += 1
      }
      guard at < bytes.count else { return .cut(CSVError.openQuote) }
      at += 1
      guard at < bytes.count, bytes[at] == Self.quote else { break }
      unescaped.append(contentsOf: bytes[start..<at])
      at += 1
      start = at
    }
    let end = at - 1
    if at == bytes.count {
      guard isLast else { return .cut(nil) }
    } else if bytes[at] == Self.carriageReturn {
      guard at + 1 < bytes.count || isLast else { return .cut(nil) }
      at += 1
      guard at == bytes.count || bytes[at] == Self.newline else { return .problem(CSVError.textAfterQuote) }
    } else if bytes[at] != Self.comma, bytes[at] != Self.newline {
      return .problem(CSVError.textAfterQuote)
    }
    guard !unescaped.isEmpty else { return text(UnsafeBufferPointer(rebasing: bytes[start..<end])) }
    unescaped.append(contentsOf: bytes[start..<end])
    return unescaped.withUnsafeBufferPointer { text($0) }
  }

  private func text(_ bytes: UnsafeBufferPointer<UInt8>) -> Field {
    guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
      return .problem(CSVError.notText)
    }
    return .text(text)
  }
}
