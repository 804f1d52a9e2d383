import Glibc

/// The one holder of raw pointers into a mapped file: little-endian reads, each checked against the bounds.
///
/// Whoever stores one must keep the mapping alive; it crosses no module's border.
struct FileBytes: BitwiseCopyable {
  private let base: UnsafeRawPointer
  let count: Int

  init(_ buffer: UnsafeRawBufferPointer) {
    guard let base = buffer.baseAddress else { preconditionFailure("a mapped file has an address") }
    self.base = base
    count = buffer.count
  }

  private init(base: UnsafeRawPointer, count: Int) {
    self.base = base
    self.count = count
  }

  /// The `count` bytes from `offset` on, which must lie inside.
  @inline(__always)
  func slice(_ offset: Int, _ count: Int) -> FileBytes {
    precondition(offset >= 0 && count >= 0 && offset <= self.count && count <= self.count - offset)
    return FileBytes(base: base + offset, count: count)
  }

  /// The integer at the byte offset, which need not be aligned.
  @inline(__always)
  func load<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: T.Type) -> T {
    precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size)
    return T(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: type))
  }

  /// The bytes as floats; they must begin at a multiple of 4, which sections do, and the machine be little-endian.
  var floats: UnsafeBufferPointer<Float> {
    precondition(UInt32(littleEndian: 1) == 1, "mapped floats are read on little-endian machines only")
    return raw.assumingMemoryBound(to: Float.self)
  }

  var raw: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// Whether all the bytes are zero, as padding must be.
  var isZero: Bool { raw.allSatisfy { $0 == 0 } }

  @inline(__always)
  func equals(_ other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count, let bytes = other.baseAddress else { return count == other.count }
    return memcmp(base, bytes, count) == 0
  }
}
