import Glibc

/// The calls through which the log changes files, as a value, so that tests can make the n-th one fail.
struct FileOperations: Sendable {
  /// The corresponding C function is `write`.
  var write: @Sendable (_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int
  /// The corresponding C function is `fdatasync`.
  var synchronise: @Sendable (_ descriptor: Int32) -> Int32
  /// The corresponding C function is `ftruncate`.
  var truncate: @Sendable (_ descriptor: Int32, _ length: Int) -> Int32
  /// The corresponding C function is `open`, to make a file that must not exist, for its owner only.
  var create: @Sendable (_ path: String) -> Int32

  /// The system's own.
  static let system = FileOperations(
    write: { Glibc.write($0, $1.baseAddress, $1.count) },
    synchronise: { fdatasync($0) },
    truncate: { ftruncate($0, $1) },
    create: { open($0, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600) })
}
