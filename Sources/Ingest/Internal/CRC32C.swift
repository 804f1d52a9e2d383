/// The checksum of iSCSI (RFC 3720, Castagnoli's polynomial), eight bytes at a step (Kounavis and Berry 2005).
enum CRC32C {
  /// `tables[k][b]`: the checksum's change by byte `b` that has `k` bytes behind it in the step.
  private static let tables: [[UInt32]] = {
    let reversedPolynomial: UInt32 = 0x82f6_3b78
    let first = (0..<256).map { byte in
      (0..<8).reduce(UInt32(byte)) { rest, _ in rest & 1 == 1 ? rest >> 1 ^ reversedPolynomial : rest >> 1 }
    }
    return (1..<8).reduce(into: [first]) { tables, step in
      tables.append(tables[step - 1].map { first[Int($0 & 0xff)] ^ $0 >> 8 })
    }
  }()
  private static let flat: [UInt32] = tables.flatMap { $0 }

  /// Complexity: O(bytes).
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    flat.withUnsafeBufferPointer { table in
      var crc = UInt32.max
      var at = 0
      while bytes.count - at >= 8 {
        let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)) ^ UInt64(crc)
        crc = 0
        for byte in 0..<8 { crc ^= table[(7 - byte) << 8 | Int(word >> UInt64(8 * byte) & 0xff)] }
        at += 8
      }
      while at < bytes.count {
        crc = table[Int((crc ^ UInt32(bytes[at])) & 0xff)] ^ crc >> 8
        at += 1
      }
      return ~crc
    }
  }
}
