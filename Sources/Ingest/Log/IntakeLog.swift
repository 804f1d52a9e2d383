import Glibc

/// The one append-only log that makes the writes of all tenants durable. Used by one thread at a time.
///
/// Every start begins a new segment, so that a position is never given twice, even if the end of the segment before
/// was lost. Records of a group that fails are taken back; where that fails too, the segment is left as it is and a new
/// one begun: what such a rest holds was not acknowledged and may or may not appear after the next start.
struct IntakeLog: ~Copyable {
  private let folder: String
  private let files: FileOperations
  private let segmentBytes: Int
  private var descriptor: Int32 = -1
  /// Segment that is written to, and the end of its last durable frame.
  private(set) var end: LogPosition

  /// A log that goes on in `folder` behind segment `last`. The first append makes its segment.
  init(folder: String, after last: UInt32, segmentBytes: Int, files: FileOperations) {
    self.folder = folder
    self.files = files
    self.segmentBytes = segmentBytes
    end = LogPosition(segment: last, offset: 0)
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Writes records and makes them durable with one flush; returns where each one stands. After an error none counts.
  mutating func append(_ records: [LogRecord]) throws(IngestError) -> [LogPosition] {
    if descriptor < 0 || end.offset >= segmentBytes { try beginSegment() }
    let (bytes, positions) = LogFrame.encode(records, at: end)
    try write(bytes)
    guard files.synchronise(descriptor) == 0 else { throw failure("fdatasync", isUsable: false) }
    end = LogPosition(segment: end.segment, offset: end.offset + UInt32(bytes.count))
    return positions
  }

  private mutating func write(_ bytes: [UInt8]) throws(IngestError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { files.write(descriptor, .init(rebasing: $0[written...])) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("write", isUsable: true) }
      written += count
    }
  }

  /// Takes back what was written since the last durable frame, and says why that was needed. A segment whose flush failed
  /// is not written to again: the kernel may have dropped its pages and call them clean.
  private mutating func failure(_ operation: String, isUsable: Bool) -> IngestError {
    let error = IngestError.system(operation: operation, path: path, code: errno)
    if files.truncate(descriptor, Int(end.offset)) != 0 || !isUsable {
      close(descriptor)
      descriptor = -1
    }
    return error
  }

  private var path: String { LogSegment(number: end.segment, in: folder).path }

  /// A number is used up even if the segment cannot be made: nobody knows what is left of it.
  private mutating func beginSegment() throws(IngestError) {
    let next = LogSegment(number: end.segment + 1, in: folder)
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    end = LogPosition(segment: next.number, offset: 0)
    let created = files.create(next.path)
    guard created >= 0 else { throw .system(operation: "create", path: next.path, code: errno) }
    do {
      try Folder.synchronise(folder)
    } catch {
      close(created)
      throw error
    }
    descriptor = created
  }
}
