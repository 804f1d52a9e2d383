/// Offsets and limits of served records and of the files that hold them, as FORMAT.md has them.
enum ServedFormat {
  /// Records start at multiples of this.
  static let alignment = 32
  static let headerBytes = 48
  static let maximumRecordBytes = 96 << 10
  /// "NJR1".
  static let magic: UInt32 = 0x3152_4a4e
  static let tenantBytes = 1...63
  static let customerBytes = 1...Limits.identifierBytes

  enum Offset {
    static let magic = 0
    static let length = 4
    static let checksum = 8
    static let servedAt = 16
    static let occurredAt = 24
    static let answerLength = 32
    static let wishesLength = 36
    static let tenantLength = 40
    static let customerLength = 41
    static let channel = 42
    static let flags = 43
    static let reserved = 44
  }

  /// The caller named the call.
  static let namedFlag: UInt8 = 1

  enum Rings {
    /// "NJRINGS1".
    static let magic: UInt64 = 0x3153_474e_4952_4a4e
    static let count = 8
    static let ringBytes = 12
    static let pageBytes = 4_096
    static let counts: ClosedRange<Int> = 1...4_096
    static let sizes: ClosedRange<Int> = (128 << 10)...(1 << 30)
    /// In a ring's own page.
    static let head = 0
    static let tail = 64
    /// For the process's own figures; says nothing to the next one.
    static let records = 8
  }

  static func padded(_ bytes: Int) -> Int { (bytes + alignment - 1) & ~(alignment - 1) }

  /// The checksum of a record that is a multiple of `alignment` long. Complexity: O(bytes), about 8 bytes a nanosecond.
  static func checksum(_ record: UnsafeRawPointer, count: Int) -> UInt64 {
    var (a, b, c, d): (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4)
    var at = 0
    while at < count {
      a = mixed(a ^ word(record, at))
      b = mixed(b ^ (at == 0 ? 0 : word(record, at + 8)))
      c = mixed(c ^ word(record, at + 16))
      d = mixed(d ^ word(record, at + 24))
      at += alignment
    }
    return mixed(mixed(mixed(a) &+ b) &+ c) &+ d
  }

  @inline(__always)
  private static func word(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  private static func mixed(_ x: UInt64) -> UInt64 {
    let y = x &* 0x9e37_79b9_7f4a_7c15
    return y ^ (y &>> 32)
  }
}
