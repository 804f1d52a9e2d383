/// A recommendation id as rankers make them: 16 bytes, of which the first 8 say which call, where its caller named it.
struct ServedID: Sendable, Hashable, CustomStringConvertible {
  static let byteCount = 16

  let call: UInt64
  let answer: UInt64

  /// Reads 32 hex digits in lower case; nil where it is anything else.
  init?(_ text: String) {
    let digits = text.utf8
    let isHex = digits.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
    }
    guard digits.count == 2 * Self.byteCount, isHex, let call = UInt64(text.prefix(Self.byteCount), radix: 16),
      let answer = UInt64(text.suffix(Self.byteCount), radix: 16)
    else { return nil }
    self.call = call
    self.answer = answer
  }

  /// The bytes in the order of the digits.
  var bytes: [UInt8] { Self.bytes(call, answer) }

  /// The lowest and the highest id of the same call.
  var callRange: (first: [UInt8], last: [UInt8]) { (Self.bytes(call, .min), Self.bytes(call, .max)) }

  private static func bytes(_ call: UInt64, _ answer: UInt64) -> [UInt8] {
    withUnsafeBytes(of: (call.bigEndian, answer.bigEndian)) { Array($0) }
  }

  var description: String {
    [call, answer].map { half in
      let digits = String(half, radix: 16)
      return String(repeating: "0", count: Self.byteCount - digits.count) + digits
    }.joined()
  }
}
