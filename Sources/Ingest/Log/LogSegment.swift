import Glibc

/// One file of the log, as it is read: whole frames, and perhaps the rest of one that was being written.
struct LogSegment {
  let number: UInt32
  let path: String

  private static let suffix = ".log"

  init(number: UInt32, in folder: String) {
    self.number = number
    let digits = String(number)
    path = "\(folder)/\(String(repeating: "0", count: 10 - digits.count))\(digits)\(Self.suffix)"
  }

  /// The segments of a folder, oldest first.
  static func all(in folder: String) throws(IngestError) -> [LogSegment] {
    try Folder.names(folder).compactMap { name in
      guard name.hasSuffix(suffix), let number = UInt32(name.dropLast(suffix.count)) else { return nil }
      return LogSegment(number: number, in: folder)
    }.sorted { $0.number < $1.number }
  }

  /// Hands out every record with its position, in order, and returns the bytes behind the last whole frame: the rest of
  /// a frame that was never acknowledged. Throws where a whole frame follows on a damaged one, or what `body` throws.
  func read(_ body: (LogPosition, LogRecord) throws -> Void) throws -> Int {
    let file = try MappedFile(path: path)
    return try file.withBytes { bytes in
      var at = 0
      while at < bytes.count {
        guard let end = wholeFrameEnd(bytes, at) else {
          guard !hasFrame(bytes, from: at + 1) else { throw IngestError.damagedLog(path: path, offset: at) }
          return bytes.count - at
        }
        try readRecords(UnsafeRawBufferPointer(rebasing: bytes[..<end]), from: at + LogFrame.headerBytes, body)
        at = end
      }
      return 0
    }
  }

  private func wholeFrameEnd(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int? {
    let position = LogPosition(segment: number, offset: UInt32(at))
    guard let header = LogFrame.header(.init(rebasing: bytes[at...]), at: position) else { return nil }
    let body = at + LogFrame.headerBytes
    guard bytes.count - body >= header.bodyBytes else { return nil }
    let checksum = CRC32C.checksum(.init(rebasing: bytes[body..<body + header.bodyBytes]))
    return checksum == header.bodyChecksum ? body + header.bodyBytes : nil
  }

  /// A frame is written when those before it are durable, so one behind a damaged frame proves that it was whole once.
  private func hasFrame(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Bool {
    let magic = UInt8(truncatingIfNeeded: LogFrame.magic)
    return (start..<max(start, bytes.count)).contains { bytes[$0] == magic && wholeFrameEnd(bytes, $0) != nil }
  }

  private func readRecords(
    _ bytes: UnsafeRawBufferPointer, from start: Int, _ body: (LogPosition, LogRecord) throws -> Void
  ) throws {
    var at = start
    while at < bytes.count {
      let position = LogPosition(segment: number, offset: UInt32(at))
      guard let record = LogRecord(parsing: .init(rebasing: bytes[at...])) else {
        throw IngestError.unreadableRecord(position: position, problem: "a checked frame holds no record here")
      }
      try body(position, record)
      at += record.byteCount
    }
  }

  /// Cuts `bytes` off the end, for good.
  func cut(_ bytes: Int) throws(IngestError) {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(operation: "open", path: path, code: errno) }
    defer { close(descriptor) }
    let end = lseek(descriptor, 0, SEEK_END)
    guard end >= bytes, ftruncate(descriptor, end - bytes) == 0, fdatasync(descriptor) == 0 else {
      throw .system(operation: "truncate", path: path, code: errno)
    }
  }

  /// The corresponding C function is `unlink`.
  func remove() throws(IngestError) {
    guard unlink(path) == 0 || errno == ENOENT else { throw .system(operation: "unlink", path: path, code: errno) }
  }
}
