/// Writes fields in protobuf's wire format (protobuf.dev/programming-guides/encoding).
struct WireWriter {
  private(set) var bytes: [UInt8] = []

  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func fixed(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func tag(_ field: UInt32, _ wireType: UInt64) { varint(UInt64(field) << 3 | wireType) }

  mutating func delimited(_ field: UInt32, _ body: [UInt8]) {
    tag(field, 2)
    varint(UInt64(body.count))
    bytes += body
  }
}
