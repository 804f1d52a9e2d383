@testable import Ranking

/// What lies in a served segment or ring after a crash: read as it is, and once more with every record's seal made right.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  var bytes = [UInt8](UnsafeRawBufferPointer(start: data, count: size))
  check(bytes)
  seal(&bytes)
  check(bytes)
  return 0
}

/// Everything that is found lies inside, in order, and is found again by itself.
private func check(_ bytes: [UInt8]) {
  bytes.withUnsafeBytes { bytes in
    var end = bytes.baseAddress.map { UnsafeRawPointer($0) }
    let gaps = ServedRecord.forEach(in: bytes) { record, raw in
      precondition(ServedFormat.tenantBytes.contains(record.tenant.count))
      precondition(ServedFormat.customerBytes.contains(record.customer.count))
      precondition(record.answer.count < raw.count && raw.count <= bytes.count)
      if let start = raw.baseAddress, let before = end {
        precondition(start >= before)
        end = start + raw.count
      }
      precondition(ServedRecord.parse(raw)?.record == record)
    }
    precondition(gaps <= bytes.count / ServedFormat.alignment + 1)
    let finished = ServedRecord.finished(bytes)
    precondition(finished <= bytes.count && bytes.count - finished < ServedFormat.maximumRecordBytes)
    let fewer = ServedRecord.forEach(in: UnsafeRawBufferPointer(rebasing: bytes[..<finished])) { _, _ in }
    precondition(fewer == gaps || finished < bytes.count && fewer == gaps - 1)
  }
}

private func seal(_ bytes: inout [UInt8]) {
  bytes.withUnsafeMutableBytes { bytes in
    guard let start = bytes.baseAddress else { return }
    var at = 0
    while at + ServedFormat.headerBytes <= bytes.count {
      let claimed = bytes.loadUnaligned(fromByteOffset: at + ServedFormat.Offset.length, as: UInt32.self)
      let length = Int(UInt32(littleEndian: claimed)) / ServedFormat.alignment * ServedFormat.alignment
      guard length >= ServedFormat.headerBytes, length <= bytes.count - at else {
        at += ServedFormat.alignment
        continue
      }
      bytes.storeBytes(of: ServedFormat.magic.littleEndian, toByteOffset: at, as: UInt32.self)
      bytes.storeBytes(
        of: ServedFormat.checksum(start + at, count: length).littleEndian,
        toByteOffset: at + ServedFormat.Offset.checksum, as: UInt64.self)
      at += length
    }
  }
}
