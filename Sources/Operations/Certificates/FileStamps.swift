import Glibc

/// What tells one state of some files from another without reading them: which file it is, how long, when it was written.
struct FileStamps: Equatable {
  private struct Stamp: Equatable {
    let device: UInt64
    let inode: UInt64
    let bytes: Int64
    let writtenSeconds: Int
    let writtenNanoseconds: Int
  }

  /// Nil where there is no such file.
  private let stamps: [Stamp?]

  /// Follows symbolic links. The corresponding C function is `stat`.
  init(of paths: [String]) {
    stamps = paths.map { path in
      var found = stat()
      guard stat(path, &found) == 0 else { return nil }
      return Stamp(
        device: UInt64(found.st_dev), inode: UInt64(found.st_ino), bytes: Int64(found.st_size),
        writtenSeconds: found.st_mtim.tv_sec, writtenNanoseconds: found.st_mtim.tv_nsec)
    }
  }
}

/// Tells when files that are looked at again and again are to be read: when they differ from what was read, and have not
/// changed since the last look, so that no certificate is read while its key is still being written.
struct ChangeWatch<State: Equatable & Sendable>: Sendable {
  private var read: State
  private var seen: State

  /// Begins with files that were just read.
  init(_ now: State) {
    read = now
    seen = now
  }

  /// Whether they are to be read now; stays so until they have been, or are again what was read.
  mutating func isDue(_ now: State) -> Bool {
    defer { seen = now }
    return now == seen && now != read
  }

  /// They were read as they were then.
  mutating func note(_ then: State) { read = then }
}
