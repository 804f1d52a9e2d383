/// Where a call stands in a distributed trace: the `traceparent` of W3C Trace Context, Level 1.
///
/// Of the flags only `sampled` is kept: the specification reserves the others, and wants them zero in what is sent.
public struct TraceContext: Hashable, Sendable, CustomStringConvertible {
  /// Id that all spans of a trace share; never zero.
  public let traceID: UInt128
  /// Id of the span that made the call; never zero.
  public let parentID: UInt64
  /// Whether the caller may have recorded the trace.
  public let isSampled: Bool

  /// Bytes of version 00, and of what every later version begins with.
  public static let byteCount = 55
  /// Longest text that is looked at: a later version may append fields.
  public static let maximumBytes = 256

  /// Nil for an id of zero, which means that there is no trace.
  public init?(traceID: UInt128, parentID: UInt64, isSampled: Bool) {
    guard traceID != 0, parentID != 0 else { return nil }
    self.traceID = traceID
    self.parentID = parentID
    self.isSampled = isSampled
  }

  /// Reads `00-<32 hex>-<16 hex>-<2 hex>`, lowercase, and the beginning of later versions; nil for anything else, which
  /// starts a new trace instead of failing the call (section 3.2.2).
  public init?(parsing text: UnsafeRawBufferPointer) {
    guard (Self.byteCount...Self.maximumBytes).contains(text.count), let version = Self.hex(text, at: 0, digits: 2),
      version != 0xff, [2, 35, 52].allSatisfy({ text[$0] == UInt8(ascii: "-") }),
      let trace = Self.hex(text, at: 3, digits: 32), let parent = Self.hex(text, at: 36, digits: 16),
      let flags = Self.hex(text, at: 53, digits: 2),
      text.count == Self.byteCount || (version > 0 && text[Self.byteCount] == UInt8(ascii: "-"))
    else { return nil }
    self.init(traceID: trace, parentID: UInt64(parent), isSampled: flags & 1 == 1)
  }

  /// Reads a `traceparent`; nil for what is none.
  public init?(parsing text: String) {
    var text = text
    guard let context = text.withUTF8({ Self(parsing: UnsafeRawBufferPointer($0)) }) else { return nil }
    self = context
  }

  /// Version 00 of `traceparent`.
  public var description: String { "00-\(traceIDText)-\(Self.text(parentID, digits: 16))-\(isSampled ? "01" : "00")" }

  /// The trace's id as 32 hexadecimal digits.
  public var traceIDText: String { Self.text(traceID, digits: 32) }

  private static func text(_ id: some BinaryInteger, digits: Int) -> String {
    let text = String(id, radix: 16)
    return String(repeating: "0", count: digits - text.count) + text
  }

  /// Lowercase hexadecimal digits, as the specification demands; nil where there is anything else.
  private static func hex(_ text: UnsafeRawBufferPointer, at start: Int, digits: Int) -> UInt128? {
    var value: UInt128 = 0
    for byte in text[start..<start + digits] {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt128(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt128(byte - UInt8(ascii: "a") + 10)
      default: return nil
      }
    }
    return value
  }
}
