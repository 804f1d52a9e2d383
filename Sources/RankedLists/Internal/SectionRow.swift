/// One row of the section table.
struct SectionRow {
  let kind: UInt32
  let flags: UInt32
  let offset: UInt64
  let length: UInt64
  let digest: SHA256Digest

  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    withUnsafeBytes(of: kind.littleEndian) { bytes.append(contentsOf: $0) }
    withUnsafeBytes(of: flags.littleEndian) { bytes.append(contentsOf: $0) }
    for value in [offset, length, 0] {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes + digest.bytes
  }
}
