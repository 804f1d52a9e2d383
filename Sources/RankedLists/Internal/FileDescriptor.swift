import Glibc

/// An open file that closes itself.
final class FileDescriptor {
  let raw: Int32
  let path: String

  /// The corresponding C function is `open`, with `O_CLOEXEC` added.
  init(path: String, flags: Int32, mode: mode_t = 0) throws(RankedListsError) {
    raw = open(path, flags | O_CLOEXEC, mode)
    self.path = path
    if raw < 0 { throw .system(operation: "open", path: path, errno: errno) }
  }

  /// A new file that nobody else can name and that vanishes when it is closed; `path` is free again at once.
  convenience init(nameless path: String) throws(RankedListsError) {
    try self.init(path: path, flags: O_RDWR | O_CREAT | O_EXCL, mode: S_IRUSR | S_IWUSR)
    unlink(path)
  }

  deinit {
    if raw >= 0 { close(raw) }
  }

  /// Writes all the bytes at the offset. The corresponding C function is `pwrite`, repeated while it writes in part.
  func write(_ bytes: RawSpan, at offset: Int) throws(RankedListsError) {
    try bytes.withUnsafeBytes { (bytes) throws(RankedListsError) in try write(bytes, at: offset) }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(RankedListsError) {
    var done = 0
    while done < bytes.count {
      let count = pwrite(raw, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
      if count > 0 {
        done += count
      } else if errno != EINTR {
        throw .system(operation: "write", path: path, errno: errno)
      }
    }
  }

  /// Makes the file so many bytes long. The corresponding C function is `ftruncate`.
  func truncate(to bytes: Int) throws(RankedListsError) {
    while ftruncate(raw, off_t(bytes)) != 0 {
      guard errno == EINTR else { throw .system(operation: "ftruncate", path: path, errno: errno) }
    }
  }

  /// At most `count` bytes from the offset, fewer only where the file ends.
  ///
  /// The corresponding C function is `pread`, repeated while it reads in part.
  func read(_ count: Int, at offset: Int) throws(RankedListsError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
      while done < count {
        let part = pread(raw, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset + done))
        if part > 0 {
          done += part
        } else if part == 0 {
          break
        } else if errno != EINTR {
          failure = errno
          break
        }
      }
    }
    guard failure == 0 else { throw .system(operation: "read", path: path, errno: failure) }
    return bytes
  }
}
