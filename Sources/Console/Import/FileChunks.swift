import Foundation

/// The bytes of a file, chunk by chunk, and how far reading has come.
final class FileChunks {
  /// Bytes of the whole file when it was opened.
  let total: Int
  /// Bytes read so far.
  private(set) var read = 0
  private let file: FileHandle
  private let path: String

  private static let chunkBytes = 256 << 10

  init(path: String) throws(ConsoleError) {
    var status = stat()
    guard let file = FileHandle(forReadingAtPath: path), fstat(file.fileDescriptor, &status) == 0 else {
      throw ConsoleError("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw ConsoleError("\(path) is a folder; name a CSV file") }
    self.file = file
    self.path = path
    total = Int(status.st_size)
  }

  /// The next chunk; empty at the end.
  func next() throws -> [UInt8] {
    do {
      let chunk = try file.read(upToCount: Self.chunkBytes) ?? Data()
      read += chunk.count
      return [UInt8](chunk)
    } catch {
      throw ConsoleError("\(path) cannot be read past byte \(read): \(error.localizedDescription)")
    }
  }
}
