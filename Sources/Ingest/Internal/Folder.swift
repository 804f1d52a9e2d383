import Glibc

/// Calls on folders, each wrapped once.
enum Folder {
  /// Makes a folder for its owner only; one that is there is fine. The corresponding C function is `mkdir`.
  static func make(_ path: String) throws(IngestError) {
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .system(operation: "mkdir", path: path, code: errno) }
  }

  /// Makes an empty file for its owner only; files that SQLite puts beside it take its permissions.
  static func makeFile(_ path: String) throws(IngestError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .system(operation: "create", path: path, code: errno) }
    close(descriptor)
  }

  /// Makes the names in a folder durable.
  static func synchronise(_ path: String) throws(IngestError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(operation: "open", path: path, code: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .system(operation: "fsync", path: path, code: errno) }
  }

  /// Names in a folder, in no order. The corresponding C function is `readdir`.
  static func names(_ path: String) throws(IngestError) -> [String] {
    guard let stream = opendir(path) else { throw .system(operation: "opendir", path: path, code: errno) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
