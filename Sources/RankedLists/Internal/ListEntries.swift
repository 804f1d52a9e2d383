/// The entries of one blob as a collection; it reads them where they lie.
struct ListEntries: RandomAccessCollection, BitwiseCopyable {
  private let bytes: FileBytes

  init(_ bytes: FileBytes) {
    self.bytes = bytes
  }

  var startIndex: Int { 0 }
  var endIndex: Int { bytes.count / Format.entryBytes }

  @inline(__always)
  subscript(position: Int) -> RankedEntry {
    let offset = position * Format.entryBytes
    return RankedEntry(
      candidate: bytes.load(offset, as: UInt32.self),
      score: Float(bitPattern: bytes.load(offset + MemoryLayout<UInt32>.size, as: UInt32.self)))
  }
}
