import Glibc

/// One answer, as the handler has it at hand when it is about to go out.
struct ServedEntry {
  let tenant: UnsafeRawBufferPointer
  let customer: UnsafeRawBufferPointer
  /// Encoded `GetRecommendationsResponse`.
  let answer: UnsafeRawBufferPointer
  /// Wall clock, µs.
  let servedAt: Int64
  /// Business time, µs.
  let occurredAt: Int64
  let channel: UInt8
  let isNamed: Bool
  /// UTF-8 of products that the request pins, and excludes.
  let pinned: [[UInt8]]
  let excluded: [[UInt8]]

  private var wishesBytes: Int {
    pinned.reduce(0) { $0 + 2 + $1.count } + excluded.reduce(0) { $0 + 2 + $1.count }
  }

  /// Length of the record.
  var byteCount: Int {
    ServedFormat.padded(
      ServedFormat.headerBytes + tenant.count + customer.count + wishesBytes + answer.count)
  }

  /// Writes the record, `byteCount` long, to where there is room for it. Complexity: O(bytes), no allocation.
  func write(to record: UnsafeMutableRawPointer, byteCount: Int) {
    typealias Offset = ServedFormat.Offset
    func store<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, _ offset: Int) {
      record.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
    }
    store(ServedFormat.magic, Offset.magic)
    store(UInt32(truncatingIfNeeded: byteCount), Offset.length)
    store(servedAt, Offset.servedAt)
    store(occurredAt, Offset.occurredAt)
    store(UInt32(truncatingIfNeeded: answer.count), Offset.answerLength)
    store(UInt32(truncatingIfNeeded: wishesBytes), Offset.wishesLength)
    store(UInt8(truncatingIfNeeded: tenant.count), Offset.tenantLength)
    store(UInt8(truncatingIfNeeded: customer.count), Offset.customerLength)
    store(channel, Offset.channel)
    store(isNamed ? ServedFormat.namedFlag : 0, Offset.flags)
    store(UInt32(0), Offset.reserved)
    var end = record + ServedFormat.headerBytes
    Self.append(tenant, &end)
    Self.append(customer, &end)
    Self.append(.pinned, pinned, &end)
    Self.append(.excluded, excluded, &end)
    Self.append(answer, &end)
    memset(end, 0, record + byteCount - end)
    store(ServedFormat.checksum(record, count: byteCount), Offset.checksum)
  }

  @inline(__always)
  private static func append(_ bytes: UnsafeRawBufferPointer, _ end: inout UnsafeMutableRawPointer) {
    guard let start = bytes.baseAddress else { return }
    memcpy(end, start, bytes.count)
    end += bytes.count
  }

  private static func append(
    _ kind: ServedRecord.Wish.Kind, _ products: [[UInt8]], _ end: inout UnsafeMutableRawPointer
  ) {
    for product in products {
      end.storeBytes(of: kind.rawValue, as: UInt8.self)
      end.storeBytes(of: UInt8(truncatingIfNeeded: product.count), toByteOffset: 1, as: UInt8.self)
      end += 2
      product.withUnsafeBytes { append($0, &end) }
    }
  }
}
