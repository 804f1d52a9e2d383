import Glibc

/// A whole file mapped read-only; unmapped when the last reference goes.
///
/// The file must not be cut or rewritten meanwhile, or reading raises SIGBUS: see FORMAT.md.
final class MappedFile: @unchecked Sendable {  // Sendable: nothing writes to the mapping, and it moves only in deinit.
  let bytes: UnsafeRawBufferPointer

  /// The corresponding C functions are `open`, `fstat` and `mmap`.
  init(path: String, minimumBytes: Int) throws(RankedListsError) {
    let file = try FileDescriptor(path: path, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    var status = stat()
    guard fstat(file.raw, &status) == 0 else { throw .system(operation: "fstat", path: path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .refused(path: path, part: .size, reason: "it is not a regular file")
    }
    let size = Int(status.st_size)
    guard size >= minimumBytes else {
      throw .refused(path: path, part: .size, reason: "\(size) bytes, the least is \(minimumBytes)")
    }
    let address = mmap(nil, size, PROT_READ, MAP_SHARED, file.raw, 0)
    guard let address, address != MAP_FAILED else { throw .system(operation: "mmap", path: path, errno: errno) }
    bytes = UnsafeRawBufferPointer(start: address, count: size)
  }

  deinit {
    munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
  }
}
