/// Items of unequal length laid end to end behind their offsets: offset i is where item i starts, the last one the end.
struct OffsetTable: BitwiseCopyable {
  let count: Int
  private let offsets: FileBytes
  let items: FileBytes

  /// Nil if the section is too short for `count + 1` offsets after `head` bytes.
  init?(_ section: FileBytes, head: Int, count: Int) {
    let start = head + (count + 1) * Format.offsetBytes
    guard start <= section.count else { return nil }
    self.count = count
    offsets = section.slice(head, start - head)
    items = section.slice(start, section.count - start)
  }

  /// Where item `index` starts among the items, as the file says; out of reach becomes -1.
  @inline(__always)
  func offset(_ index: Int) -> Int {
    Int(exactly: offsets.load(index * Format.offsetBytes, as: UInt64.self)) ?? -1
  }

  @inline(__always)
  func item(_ index: Int) -> FileBytes {
    let start = offset(index)
    return items.slice(start, offset(index + 1) - start)
  }
}
