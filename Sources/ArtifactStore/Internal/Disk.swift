import Glibc
import RankedLists

/// The system calls that the store makes, each wrapped once; a test can make any of them fail.
struct Disk: Sendable {
  enum Step: Sendable {
    case makeFolder, write, sync, rename, remove
  }

  /// Called before each step that changes the disk; what it throws is what the step throws.
  var before: @Sendable (Step, _ path: String) throws(ArtifactError) -> Void = { _, _ in }

  /// Whether what is written is to outlive a power failure.
  var isSynced = true

  /// Creates the folder if it is not there. The corresponding C function is `mkdir`.
  func makeFolder(_ path: String) throws(ArtifactError) {
    try before(.makeFolder, path)
    guard mkdir(path, S_IRWXU | S_IRGRP | S_IXGRP) == 0 || errno == EEXIST else {
      throw .system(operation: "mkdir", path: path, errno: errno)
    }
  }

  /// Writes a new file and syncs it.
  func write(_ bytes: [UInt8], to path: String) throws(ArtifactError) {
    let file = try Self.create(path)
    try write(bytes[...], to: file)
    try sync(file)
  }

  /// Copies at most `limit` bytes into a new file, syncs it, and says what it copied; nil if there is more.
  func copy(
    _ source: String, to path: String, limit: UInt64, within bandwidth: Bandwidth?
  ) throws(ArtifactError) -> (size: UInt64, SHA256Digest)? {
    let target = try Self.create(path)
    let measured = try Self.read(source, limit: limit) { (bytes) throws(ArtifactError) in
      try write(bytes, to: target)
      bandwidth?.pay(for: bytes.count)
    }
    try sync(target)
    return measured
  }

  /// Size and digest of a file that somebody else wrote; syncs it.
  func seal(_ path: String) throws(ArtifactError) -> (size: UInt64, SHA256Digest) {
    try sync(try Self.open(path))
    guard let measured = try Self.read(path, limit: Limits.maximumFileBytes, { _ in }) else {
      throw .refused(path: path, reason: "longer than \(Limits.maximumFileBytes) bytes")
    }
    return measured
  }

  /// Makes the names in the folder durable. The corresponding C function is `fsync`.
  func syncFolder(_ path: String) throws(ArtifactError) {
    try sync(try Handle(path, O_RDONLY | O_DIRECTORY))
  }

  /// Gives a folder its final name unless an artifact has it; whether it did.
  ///
  /// The corresponding C function is `rename`, which replaces no folder that has anything in it, as every artifact has.
  func rename(_ path: String, to final: String) throws(ArtifactError) -> Bool {
    try before(.rename, final)
    if Glibc.rename(path, final) == 0 { return true }
    guard errno == ENOTEMPTY || errno == EEXIST else {
      throw .system(operation: "rename", path: final, errno: errno)
    }
    return false
  }

  /// Gives a file the name of another, which it replaces. The corresponding C function is `rename`.
  func replace(_ path: String, by next: String) throws(ArtifactError) {
    try before(.rename, path)
    guard Glibc.rename(next, path) == 0 else { throw .system(operation: "rename", path: path, errno: errno) }
  }

  /// Removes a file if it is there. The corresponding C function is `unlink`.
  func removeFile(_ path: String) throws(ArtifactError) {
    try before(.remove, path)
    guard unlink(path) == 0 || errno == ENOENT else { throw .system(operation: "unlink", path: path, errno: errno) }
  }

  /// Removes a folder and the files in it. The corresponding C functions are `unlink` and `rmdir`.
  func remove(_ folder: String) throws(ArtifactError) {
    for name in try Self.names(in: folder) { try removeFile("\(folder)/\(name)") }
    try before(.remove, folder)
    guard rmdir(folder) == 0 || errno == ENOENT else {
      throw .system(operation: "rmdir", path: folder, errno: errno)
    }
  }

  /// The names in a folder, sorted; none if there is no folder. The corresponding C function is `readdir`.
  static func names(in folder: String) throws(ArtifactError) -> [String] {
    guard let listing = opendir(folder) else {
      if errno == ENOENT { return [] }
      throw .system(operation: "opendir", path: folder, errno: errno)
    }
    defer { closedir(listing) }
    var names: [String] = []
    while let entry = readdir(listing) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Seconds since the epoch at which the file or folder was last changed. The corresponding C function is `lstat`.
  static func changedAt(_ path: String) throws(ArtifactError) -> Int { try status(path).st_mtim.tv_sec }

  /// What the system knows of a file or folder. The corresponding C function is `lstat`.
  static func status(_ path: String) throws(ArtifactError) -> stat {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw .system(operation: "lstat", path: path, errno: errno) }
    return status
  }

  /// Makes now the time at which the file or folder was last changed. The corresponding C function is `utimensat`.
  func touch(_ path: String) throws(ArtifactError) {
    try before(.write, path)
    guard utimensat(AT_FDCWD, path, nil, 0) == 0 || errno == ENOENT else {
      throw .system(operation: "utimensat", path: path, errno: errno)
    }
  }

  /// Hands a regular file to `body` piece by piece and measures it; nil if it is longer than `limit`.
  ///
  /// Every piece but the last has `Limits.hugePageBytes` where the file may have that many, else `Limits.pieceBytes`.
  static func read(
    _ path: String, limit: UInt64, _ body: (ArraySlice<UInt8>) throws(ArtifactError) -> Void
  ) throws(ArtifactError) -> (size: UInt64, SHA256Digest)? {
    let file = try open(path)
    let hasher = SHA256()
    var size: UInt64 = 0
    var buffer = Self.buffer(for: limit)
    var piece = 0
    repeat {
      piece = try fill(&buffer, from: file)
      size += UInt64(piece)
      guard size <= limit else { return nil }
      hasher.update(buffer.span.extracting(first: piece).bytes)
      if piece > 0 { try body(buffer[..<piece]) }
    } while piece == buffer.count
    return (size, hasher.finish())
  }

  /// Memory for the pieces of a file that should have at most `limit` bytes: no more than it needs, and one byte to see that
  /// it has more.
  private static func buffer(for limit: UInt64) -> [UInt8] {
    guard limit < Limits.hugePageBytes else { return Array(repeating: 0, count: Limits.hugePageBytes) }
    return Array(repeating: 0, count: min(Int(limit) + 1, Limits.pieceBytes))
  }

  /// Reads until the buffer is full or the file ends; returns how much.
  private static func fill(_ buffer: inout [UInt8], from file: Handle) throws(ArtifactError) -> Int {
    var filled = 0
    while filled < buffer.count {
      let count = buffer.withUnsafeMutableBytes { bytes in
        Glibc.read(file.raw, bytes.baseAddress?.advanced(by: filled), bytes.count - filled)
      }
      if count == 0 { break }
      if count > 0 {
        filled += count
      } else if errno != EINTR {
        throw .system(operation: "read", path: file.path, errno: errno)
      }
    }
    return filled
  }

  /// Reads a regular file from end to end.
  static func readThrough(_ path: String) throws(ArtifactError) {
    let file = try open(path)
    var buffer = [UInt8](repeating: 0, count: Limits.pieceBytes)
    while case let count = Glibc.read(file.raw, &buffer, buffer.count), count != 0 {
      guard count > 0 || errno == EINTR else { throw .system(operation: "read", path: path, errno: errno) }
    }
  }

  /// A regular file, no link, no pipe.
  private static func open(_ path: String) throws(ArtifactError) -> Handle {
    let file = try Handle(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    var status = stat()
    guard fstat(file.raw, &status) == 0 else { throw .system(operation: "fstat", path: path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .refused(path: path, reason: "it is not a regular file") }
    return file
  }

  private static func create(_ path: String) throws(ArtifactError) -> Handle {
    try Handle(path, O_WRONLY | O_CREAT | O_EXCL)
  }

  private func write(_ bytes: ArraySlice<UInt8>, to file: Handle) throws(ArtifactError) {
    try before(.write, file.path)
    var rest = bytes
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file.raw, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        throw .system(operation: "write", path: file.path, errno: errno)
      }
    }
  }

  private func sync(_ file: Handle) throws(ArtifactError) {
    guard isSynced else { return }
    try before(.sync, file.path)
    guard fsync(file.raw) == 0 else { throw .system(operation: "fsync", path: file.path, errno: errno) }
  }
}

/// An open file that closes itself.
private final class Handle {
  let raw: Int32
  let path: String

  init(_ path: String, _ flags: Int32) throws(ArtifactError) {
    raw = Glibc.open(path, flags | O_CLOEXEC, S_IRUSR | S_IWUSR | S_IRGRP)
    self.path = path
    guard raw < 0 else { return }
    switch errno {
    case ENOENT: throw .missing(path: path)
    case ELOOP: throw .refused(path: path, reason: "it is a link")
    default: throw .system(operation: "open", path: path, errno: errno)
    }
  }

  deinit {
    if raw >= 0 { close(raw) }
  }
}
