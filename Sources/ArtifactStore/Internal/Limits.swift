/// Every limit of the room.
enum Limits {
  static let maximumManifestBytes: UInt64 = 1 << 20
  static let maximumFileBytes: UInt64 = 1 << 40
  static let manifestFormat: UInt32 = 1
  /// A huge page of x86-64 and arm64: file systems that keep what is written in one piece in one piece of memory, as ext4 does
  /// since Linux 6.16, map a copy by huge pages then, and a lookup in a large file waits less for page tables.
  static let hugePageBytes = 2 << 20
  /// Of smaller files. The kernel gives up the processor between its calls, not in the middle of a long one, unless it was
  /// built to.
  static let pieceBytes = 64 << 10
}
