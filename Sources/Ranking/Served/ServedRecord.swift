/// One answer, as it is read back from a ring or a segment: nothing in it is believed before the checksum fits.
struct ServedRecord: Equatable {
  /// A product that the request says something of.
  struct Wish: Equatable {
    enum Kind: UInt8 {
      case pinned = 1
      case excluded
    }

    let kind: Kind
    let product: [UInt8]
  }

  let tenant: [UInt8]
  let customer: [UInt8]
  /// Wall clock, µs.
  let servedAt: Int64
  /// Business time, µs.
  let occurredAt: Int64
  let channel: UInt8
  let isNamed: Bool
  let wishes: [Wish]
  /// Encoded `GetRecommendationsResponse`.
  let answer: [UInt8]

  /// Reads the record at the front of `bytes`, and says how long it is; nil where there is no whole one.
  static func parse(_ bytes: UnsafeRawBufferPointer) -> (record: ServedRecord, byteCount: Int)? {
    typealias Offset = ServedFormat.Offset
    func load<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: T.Type) -> T {
      T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
    guard bytes.count >= ServedFormat.headerBytes, let start = bytes.baseAddress,
      load(Offset.magic, UInt32.self) == ServedFormat.magic
    else { return nil }
    let length = Int(load(Offset.length, UInt32.self))
    guard length >= ServedFormat.headerBytes, length <= min(bytes.count, ServedFormat.maximumRecordBytes),
      length % ServedFormat.alignment == 0,
      load(Offset.checksum, UInt64.self) == ServedFormat.checksum(start, count: length)
    else { return nil }
    let tenantBytes = Int(bytes[Offset.tenantLength])
    let customerBytes = Int(bytes[Offset.customerLength])
    let wishesBytes = Int(load(Offset.wishesLength, UInt32.self))
    let answerBytes = Int(load(Offset.answerLength, UInt32.self))
    // None of them can overflow the sum.
    let end = ServedFormat.headerBytes + tenantBytes + customerBytes + wishesBytes + answerBytes
    guard ServedFormat.tenantBytes.contains(tenantBytes), ServedFormat.customerBytes.contains(customerBytes),
      ServedFormat.padded(end) == length
    else { return nil }
    var at = ServedFormat.headerBytes
    func next(_ count: Int) -> UnsafeRawBufferPointer {
      defer { at += count }
      return UnsafeRawBufferPointer(rebasing: bytes[at..<at + count])
    }
    let (tenant, customer) = ([UInt8](next(tenantBytes)), [UInt8](next(customerBytes)))
    guard let wishes = Self.wishes(next(wishesBytes)) else { return nil }
    let record = ServedRecord(
      tenant: tenant, customer: customer, servedAt: load(Offset.servedAt, Int64.self),
      occurredAt: load(Offset.occurredAt, Int64.self), channel: bytes[Offset.channel],
      isNamed: bytes[Offset.flags] & ServedFormat.namedFlag != 0, wishes: wishes, answer: [UInt8](next(answerBytes)))
    return (record, length)
  }

  private static func wishes(_ bytes: UnsafeRawBufferPointer) -> [Wish]? {
    var wishes: [Wish] = []
    var at = 0
    while at < bytes.count {
      guard bytes.count - at >= 2, let kind = Wish.Kind(rawValue: bytes[at]) else { return nil }
      let length = Int(bytes[at + 1])
      guard ServedFormat.customerBytes.contains(length), bytes.count - at - 2 >= length else { return nil }
      wishes.append(Wish(kind: kind, product: [UInt8](bytes[(at + 2)..<(at + 2 + length)])))
      at += 2 + length
    }
    return wishes
  }

  /// Hands out every whole record with its bytes; returns how many gaps of damage lie before, between and behind them.
  static func forEach(
    in bytes: UnsafeRawBufferPointer, _ body: (ServedRecord, UnsafeRawBufferPointer) throws -> Void
  ) rethrows -> Int {
    var (gaps, isInGap, at) = (0, false, 0)
    while at < bytes.count {
      if let (record, length) = parse(UnsafeRawBufferPointer(rebasing: bytes[at...])) {
        try body(record, UnsafeRawBufferPointer(rebasing: bytes[at..<at + length]))
        isInGap = false
        at += length
      } else {
        if !isInGap { gaps += 1 }
        isInGap = true
        at += ServedFormat.alignment
      }
    }
    return gaps
  }

  /// How many bytes come before a record at the end that was never finished, of which the bytes are the beginning.
  static func finished(_ bytes: UnsafeRawBufferPointer) -> Int {
    var end = 0
    _ = forEach(in: bytes) { _, record in
      if let start = bytes.baseAddress, let found = record.baseAddress { end = found - start + record.count }
    }
    let rest = UnsafeRawBufferPointer(rebasing: bytes[end...])
    guard rest.count >= ServedFormat.Offset.checksum else { return end }
    func load(_ offset: Int) -> UInt32 {
      UInt32(littleEndian: rest.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    let (magic, length) = (load(ServedFormat.Offset.magic), Int(load(ServedFormat.Offset.length)))
    let isBegun =
      magic == ServedFormat.magic && length > rest.count && length % ServedFormat.alignment == 0
      && (ServedFormat.headerBytes...ServedFormat.maximumRecordBytes).contains(length)
    return isBegun ? end : bytes.count
  }
}
