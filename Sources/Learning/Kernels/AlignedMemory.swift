import Glibc

/// Memory of one element type that begins at a cache line, or at a huge page where it is large; uninitialised.
///
/// Random access to gigabytes of factors misses the translation buffers on nearly every row; huge pages spare most of that.
struct AlignedMemory<Element: BitwiseCopyable>: ~Copyable {
  let base: UnsafeMutablePointer<Element>
  let count: Int

  private static var lineBytes: Int { 64 }
  private static var hugePageBytes: Int { 2 << 20 }

  /// Traps when there is no memory left, as the standard library's arrays do.
  init(count: Int) {
    let bytes = max(1, count) * MemoryLayout<Element>.stride
    let alignment = bytes >= Self.hugePageBytes ? Self.hugePageBytes : Self.lineBytes
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, alignment, bytes) == 0, let memory else { fatalError("no memory for \(bytes) bytes") }
    if bytes >= Self.hugePageBytes { madvise(memory, bytes, MADV_HUGEPAGE) }
    base = memory.bindMemory(to: Element.self, capacity: count)
    self.count = count
  }

  deinit { free(base) }
}
