import CProtobufC

/// Checks encoded bytes against a message type before libprotobuf-c sees them.
///
/// libprotobuf-c trusts what it is given in three ways that a hostile peer could use: it does not look at UTF-8, it cuts
/// strings at a NUL, and it names no place in its errors. The contract's types are acyclic, so the depth is bounded.
/// Format: protobuf.dev/programming-guides/encoding.
enum WireCheck {
  /// Deeper than any message of the contract.
  private static let maximumDepth = 16

  private enum WireType {
    static let varint: UInt64 = 0
    static let fixed64: UInt64 = 1
    static let delimited: UInt64 = 2
    static let fixed32: UInt64 = 5
  }

  /// Complexity: O(bytes), no allocation unless it fails.
  static func check(_ bytes: UnsafeRawBufferPointer, as type: UnsafePointer<ProtobufCMessageDescriptor>)
    throws(MessageError)
  {
    try check(bytes, from: 0, to: bytes.count, as: type, depth: 0)
  }

  private static func check(
    _ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int,
    as type: UnsafePointer<ProtobufCMessageDescriptor>, depth: Int
  ) throws(MessageError) {
    guard depth < maximumDepth else { throw problem(type, start, "nested more than \(maximumDepth) deep") }
    var at = start
    while at < end {
      let fieldStart = at
      guard let tag = varint(bytes, &at, end), tag <= UInt64(UInt32.max), tag >> 3 > 0 else {
        throw problem(type, fieldStart, "no field number")
      }
      let field = protobuf_c_message_descriptor_get_field(type, UInt32(tag >> 3))
      switch tag & 7 {
      case WireType.varint:
        guard varint(bytes, &at, end) != nil else { throw problem(type, fieldStart, "number without end") }
      case WireType.fixed64:
        guard end - at >= 8 else { throw problem(type, fieldStart, "cut short") }
        at += 8
      case WireType.fixed32:
        guard end - at >= 4 else { throw problem(type, fieldStart, "cut short") }
        at += 4
      case WireType.delimited:
        guard let length = varint(bytes, &at, end), length <= UInt64(end - at) else {
          throw problem(type, fieldStart, "a length past the end of the message")
        }
        let bodyEnd = at + Int(length)
        if let field { try checkBody(bytes, at, bodyEnd, of: field, in: type, depth: depth) }
        at = bodyEnd
      case let wireType:
        throw problem(type, fieldStart, "wire type \(wireType) is not used by proto3")
      }
    }
  }

  private static func checkBody(
    _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int, of field: UnsafePointer<ProtobufCFieldDescriptor>,
    in type: UnsafePointer<ProtobufCMessageDescriptor>, depth: Int
  ) throws(MessageError) {
    switch field.pointee.type {
    case PROTOBUF_C_TYPE_STRING:
      guard isText(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) else {
        throw .notText(message: String(cString: type.pointee.name), field: String(cString: field.pointee.name))
      }
    case PROTOBUF_C_TYPE_MESSAGE:
      let inner = field.pointee.descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
      try check(bytes, from: start, to: end, as: inner, depth: depth + 1)
    default: break
    }
  }

  /// UTF-8 without NUL: ids are mostly ASCII, so those pass eight bytes at a time.
  private static func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let highBits: UInt64 = 0x8080_8080_8080_8080
    let ones: UInt64 = 0x0101_0101_0101_0101
    var at = 0
    while bytes.count - at >= 8 {
      let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      // The classic test for a zero byte; exact when no byte has its high bit set.
      guard word & highBits == 0, (word &- ones) & highBits == 0 else { break }
      at += 8
    }
    while at < bytes.count, bytes[at] != 0, bytes[at] < 0x80 { at += 1 }
    guard at < bytes.count else { return true }
    let rest = UnsafeRawBufferPointer(rebasing: bytes[at...])
    return !rest.contains(0) && String(validating: rest, as: UTF8.self) != nil
  }

  /// A base-128 number of at most ten bytes, or nil where it is cut short or longer.
  private static func varint(_ bytes: UnsafeRawBufferPointer, _ at: inout Int, _ end: Int) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while at < end, shift < 70 {
      let byte = bytes[at]
      at += 1
      value |= shift < 64 ? UInt64(byte & 0x7f) << shift : 0
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  private static func problem(_ type: UnsafePointer<ProtobufCMessageDescriptor>, _ offset: Int, _ what: String)
    -> MessageError
  {
    .malformed(message: String(cString: type.pointee.name), offset: offset, problem: what)
  }
}
