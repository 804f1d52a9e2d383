/// Writes a message's fields straight into memory in protobuf's wire format, for answers that are made so often that
/// building a `Draft` first costs more than the answer itself.
///
/// The caller names fields by number and writes them in order of number, without those that have their type's default:
/// then the bytes are those that libprotobuf-c makes of the same message. Past the memory's end nothing is written and
/// `hasOverflowed` is set.
/// Format: protobuf.dev/programming-guides/encoding.
public struct MessageWriter: ~Copyable {
  @usableFromInline let memory: UnsafeMutableRawBufferPointer
  /// Bytes written so far.
  @usableFromInline var written = 0
  @usableFromInline var isTooLong = false

  /// Longest number on the wire, in bytes.
  @usableFromInline static let longestVarint = 10
  /// A length below this takes one byte.
  @usableFromInline static let oneByteLengths = 0x80

  /// Writes into `memory`, which outlives the writer.
  public init(into memory: UnsafeMutableRawBufferPointer) {
    self.memory = memory
  }

  /// Bytes of the message so far.
  public var count: Int { written }

  /// The message so far, until more is written.
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<written])
  }

  /// The memory was too small, and what is in it is no message.
  public var hasOverflowed: Bool { isTooLong }

  /// An integer, enumeration or bool field.
  @inlinable @inline(__always)
  public mutating func varint(_ field: Int, _ value: UInt64) {
    guard hasRoom(for: 2 * Self.longestVarint) else { return }
    putTag(field, 0)
    putVarint(value)
  }

  /// A float field.
  @inlinable @inline(__always)
  public mutating func float(_ field: Int, _ value: Float) {
    guard hasRoom(for: Self.longestVarint + MemoryLayout<UInt32>.size) else { return }
    putTag(field, 5)
    memory.storeBytes(of: value.bitPattern.littleEndian, toByteOffset: written, as: UInt32.self)
    written += MemoryLayout<UInt32>.size
  }

  /// A string or bytes field; a string's bytes are UTF-8 without NUL.
  @inlinable @inline(__always)
  public mutating func bytes(_ field: Int, _ bytes: UnsafeRawBufferPointer) {
    guard hasRoom(for: 2 * Self.longestVarint + bytes.count) else { return }
    putTag(field, 2)
    putVarint(UInt64(bytes.count))
    UnsafeMutableRawBufferPointer(rebasing: memory[written...]).copyMemory(from: bytes)
    written += bytes.count
  }

  /// A submessage, or one element of a repeated one, whose fields `fill` writes.
  @inlinable @inline(__always)
  public mutating func message(_ field: Int, _ fill: (inout MessageWriter) -> Void) {
    guard hasRoom(for: 2 * Self.longestVarint) else { return }
    putTag(field, 2)
    // Most are short: room for a length of one byte, and those that are not move on.
    let start = written + 1
    written = start
    fill(&self)
    let length = written - start
    guard length >= Self.oneByteLengths else {
      memory[start - 1] = UInt8(truncatingIfNeeded: length)
      return
    }
    moveForLength(start, length)
  }

  @usableFromInline mutating func moveForLength(_ start: Int, _ length: Int) {
    guard hasRoom(for: Self.longestVarint) else { return }
    // Seven bits of the length in each byte.
    let lengthBytes = (UInt.bitWidth - UInt(length).leadingZeroBitCount + 6) / 7
    // First the body, for the length takes the room of its first bytes.
    let body = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[start..<start + length])
    UnsafeMutableRawBufferPointer(rebasing: memory[(start - 1 + lengthBytes)...]).copyMemory(from: body)
    written = start - 1
    putVarint(UInt64(length))
    written += length
  }

  @inlinable @inline(__always)
  mutating func hasRoom(for bytes: Int) -> Bool {
    guard memory.count - written >= bytes, !isTooLong else {
      isTooLong = true
      return false
    }
    return true
  }

  @inlinable @inline(__always)
  mutating func putTag(_ field: Int, _ wireType: UInt64) { putVarint(UInt64(field) << 3 | wireType) }

  @inlinable @inline(__always)
  mutating func putVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      memory[written] = UInt8(truncatingIfNeeded: rest) | 0x80
      written += 1
      rest >>= 7
    }
    memory[written] = UInt8(truncatingIfNeeded: rest)
    written += 1
  }
}
