/// The unit that is written and made durable as a whole: the records of one group commit.
///
/// Layout, little-endian: u32 magic, u32 bytes of the body, u64 position of the frame, u32 CRC-32C of the body, u32 CRC-32C
/// of the header before it; then the body, record after record. The position tells a frame from a copy of one.
enum LogFrame {
  static let headerBytes = 24
  /// "NJL1".
  static let magic: UInt32 = 0x314c_4a4e

  struct Header: Equatable {
    let bodyBytes: Int
    let bodyChecksum: UInt32
  }

  /// Lays records out behind a header whose place is `position`; also says where each record stands.
  static func encode(_ records: [LogRecord], at position: LogPosition) -> (bytes: [UInt8], positions: [LogPosition]) {
    var bytes = [UInt8](repeating: 0, count: headerBytes)
    bytes.reserveCapacity(headerBytes + records.reduce(0) { $0 + $1.byteCount })
    var positions: [LogPosition] = []
    for record in records {
      positions.append(LogPosition(segment: position.segment, offset: position.offset + UInt32(bytes.count)))
      record.append(to: &bytes)
    }
    var header: [UInt8] = []
    header.append(integer: magic)
    header.append(integer: UInt32(bytes.count - headerBytes))
    header.append(integer: position.packed)
    header.append(integer: bytes.withUnsafeBytes { CRC32C.checksum(.init(rebasing: $0[headerBytes...])) })
    header.append(integer: header.withUnsafeBytes { CRC32C.checksum($0) })
    bytes.replaceSubrange(0..<headerBytes, with: header)
    return (bytes, positions)
  }

  /// The header at the front of `bytes`; nil where there is none whose place is `position`.
  static func header(_ bytes: UnsafeRawBufferPointer, at position: LogPosition) -> Header? {
    guard bytes.count >= headerBytes, bytes.integer(at: 0, as: UInt32.self) == magic,
      bytes.integer(at: 8, as: UInt64.self) == position.packed,
      bytes.integer(at: 20, as: UInt32.self) == CRC32C.checksum(.init(rebasing: bytes[..<20]))
    else { return nil }
    let bodyBytes = Int(bytes.integer(at: 4, as: UInt32.self))
    guard bodyBytes <= IngestLimits.maximumFrameBodyBytes else { return nil }
    return Header(bodyBytes: bodyBytes, bodyChecksum: bytes.integer(at: 16, as: UInt32.self))
  }
}
