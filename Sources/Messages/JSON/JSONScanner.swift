/// Takes JSON apart, token by token, as strictly as RFC 8259 has it. Complexity: O(bytes) in all.
struct JSONScanner {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// What a text may not be, at which byte.
  struct Problem: Error {
    let offset: Int
    let text: String
  }

  var isAtEnd: Bool { offset == bytes.count }

  /// The first byte of the next token; nil at the end.
  mutating func peek() -> UInt8? {
    while offset < bytes.count, Self.isSpace(bytes[offset]) { offset += 1 }
    return offset < bytes.count ? bytes[offset] : nil
  }

  /// Takes a byte if it is the next token.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  mutating func expect(_ character: Unicode.Scalar, _ what: String) throws(Problem) {
    guard take(character) else { throw problem("expected \(what)") }
  }

  /// Takes a word such as `null`.
  mutating func take(word: StaticString) -> Bool {
    guard peek() != nil, bytes.count - offset >= word.utf8CodeUnitCount else { return false }
    let isWord = word.withUTF8Buffer { $0.elementsEqual(bytes[offset..<offset + $0.count]) }
    if isWord { offset += word.utf8CodeUnitCount }
    return isWord
  }

  /// The text of a number as it stands.
  mutating func number() throws(Problem) -> String {
    let start = offset
    _ = takeRaw("-")
    if !takeRaw("0") { try digits(start) }
    if takeRaw(".") { try digits(start) }
    if takeRaw("e") || takeRaw("E") {
      if !takeRaw("+") { _ = takeRaw("-") }
      try digits(start)
    }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  /// The text of a string, escapes resolved: UTF-8 without a NUL.
  mutating func string() throws(Problem) -> String {
    try expect("\"", "a string")
    let start = offset
    var text: [UInt8] = []
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let valid = String(validating: text, as: UTF8.self) else {
          throw Problem(offset: start, text: "the string is not UTF-8")
        }
        guard !text.contains(0) else { throw Problem(offset: start, text: "the string holds a NUL") }
        return valid
      case UInt8(ascii: "\\"): try escape(into: &text)
      case 0..<0x20: throw Problem(offset: offset - 1, text: "a control character in a string must be escaped")
      default: text.append(byte)
      }
    }
    throw Problem(offset: start, text: "the string does not end")
  }

  func problem(_ text: String) -> Problem { Problem(offset: offset, text: text) }

  // MARK: Parts

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\t")
  }

  private mutating func takeRaw(_ character: Unicode.Scalar) -> Bool {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func digits(_ start: Int) throws(Problem) {
    let first = offset
    while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) { offset += 1 }
    guard offset > first else { throw Problem(offset: start, text: "no number") }
  }

  private mutating func escape(into text: inout [UInt8]) throws(Problem) {
    guard offset < bytes.count else { throw problem("the string does not end") }
    let byte = bytes[offset]
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text.append(contentsOf: String(try scalar()).utf8)
    default: throw Problem(offset: offset - 1, text: "no such escape")
    }
  }

  /// `\uXXXX`, or two of them that make a surrogate pair.
  private mutating func scalar() throws(Problem) -> Character {
    let first = try unit()
    var value = UInt32(first)
    if (0xd800..<0xdc00).contains(first), takeRaw("\\"), takeRaw("u") {
      let second = try unit()
      guard (0xdc00..<0xe000).contains(second) else { throw problem("half a surrogate pair") }
      value = 0x10000 + (UInt32(first) - 0xd800) << 10 + (UInt32(second) - 0xdc00)
    }
    guard let scalar = Unicode.Scalar(value) else { throw problem("half a surrogate pair") }
    return Character(scalar)
  }

  private mutating func unit() throws(Problem) -> UInt16 {
    guard bytes.count - offset >= 4,
      bytes[offset..<offset + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 }),
      let unit = UInt16(String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16)
    else { throw problem("four hexadecimal digits are missing") }
    offset += 4
    return unit
  }
}
