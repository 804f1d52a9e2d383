import Glibc
import Synchronization

/// Memory into which one thread writes records and out of which one other thread takes them; neither waits.
///
/// The ring is mapped twice in a row, so that what runs past its end lies in one piece all the same.
struct ServedRing: @unchecked Sendable {
  // Sendable, because head and tail are atomic, and each is written by one thread only.
  private let page: UnsafeMutableRawPointer
  private let data: UnsafeMutableRawPointer
  private let byteCount: Int

  /// `page` holds head and tail; `data` is mapped over `2 * byteCount`, a power of two.
  init(page: UnsafeMutableRawPointer, data: UnsafeMutableRawPointer, byteCount: Int) {
    self.page = page
    self.data = data
    self.byteCount = byteCount
  }

  private func atomic(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    (page + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  private var head: UnsafeMutablePointer<Atomic<UInt64>> { atomic(ServedFormat.Rings.head) }
  private var tail: UnsafeMutablePointer<Atomic<UInt64>> { atomic(ServedFormat.Rings.tail) }
  private func place(_ position: UInt64) -> Int { Int(truncatingIfNeeded: position) & (byteCount - 1) }

  /// Records that were written since the ring was made.
  var records: UInt64 { atomic(ServedFormat.Rings.records).pointee.load(ordering: .relaxed) }

  /// Writes a record; false where it has no room. For the one thread that writes.
  func append(_ entry: borrowing ServedEntry) -> Bool {
    let head = head.pointee.load(ordering: .relaxed)
    let used = Int(truncatingIfNeeded: head &- tail.pointee.load(ordering: .acquiring))
    let length = entry.byteCount
    guard byteCount - used >= length, length <= ServedFormat.maximumRecordBytes else { return false }
    entry.write(to: data + place(head), byteCount: length)
    self.head.pointee.store(head &+ UInt64(length), ordering: .releasing)
    let records = atomic(ServedFormat.Rings.records)
    records.pointee.store(records.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    return true
  }

  /// Whether more than half of it waits. For the one thread that writes.
  var isCrowded: Bool { pending.count > byteCount / 2 }

  /// What was written and not taken yet. For the one thread that takes.
  var pending: UnsafeRawBufferPointer {
    let tail = tail.pointee.load(ordering: .relaxed)
    let count = Int(truncatingIfNeeded: head.pointee.load(ordering: .acquiring) &- tail)
    return UnsafeRawBufferPointer(start: data + place(tail), count: count)
  }

  /// Gives the room of the oldest `count` bytes back.
  func take(_ count: Int) {
    tail.pointee.store(tail.pointee.load(ordering: .relaxed) &+ UInt64(count), ordering: .releasing)
  }

  /// What an earlier process left here; head and tail may be anything.
  var left: UnsafeRawBufferPointer {
    let tail = tail.pointee.load(ordering: .relaxed)
    let (count, isBehind) = head.pointee.load(ordering: .acquiring).subtractingReportingOverflow(tail)
    let alignment = UInt64(ServedFormat.alignment)
    guard !isBehind, count <= UInt64(byteCount), tail % alignment == 0, count % alignment == 0 else {
      // All of it, and on as far as a record can reach that runs past the end.
      return UnsafeRawBufferPointer(start: data, count: byteCount + ServedFormat.maximumRecordBytes)
    }
    return UnsafeRawBufferPointer(start: data + place(tail), count: Int(count))
  }

  /// How much to write of records that go to `offset` of a file: to the end of the last whole piece, for the kernel's sake; and
  /// the bytes of whole records in that. One that is cut is to be written again, in the same place.
  static func cut(_ records: UnsafeRawBufferPointer, at offset: Int) -> (written: Int, whole: Int) {
    let written = (offset + records.count) / Limits.servedPieceBytes * Limits.servedPieceBytes - offset
    return written > 0 ? (written, wholeRecords(of: records, atMost: written)) : (0, 0)
  }

  /// Bytes of the whole records among the first `limit` bytes.
  static func wholeRecords(of records: UnsafeRawBufferPointer, atMost limit: Int) -> Int {
    var end = 0
    while end < records.count {
      let length = Int(records.loadUnaligned(fromByteOffset: end + ServedFormat.Offset.length, as: UInt32.self))
      guard length > 0, end + length <= limit else { break }
      end += length
    }
    return end
  }
}
