import Glibc
import RPC
import Synchronization

/// The segments in a folder, as a list: what waits for ingest, how much it is, how old.
final class ServedSegments: Sendable {
  /// One file of records.
  struct Segment: Sendable, Equatable {
    let number: UInt32
    var byteCount: Int
    /// When its first record was served, wall clock, µs; 0 = it is not known.
    var oldest: Int64
  }

  private struct State {
    /// In order of number.
    var closed: [Segment]
    var current: Segment?
    /// The last number that was given to a segment.
    var last: UInt32
    var isWanted = false
  }

  static let suffix = ".served"

  let folder: String
  private let state: Mutex<State>

  /// Finds what earlier processes left.
  init(folder: String) throws(ServedError) {
    self.folder = folder
    var found: [Segment] = []
    for name in try Self.names(folder) where name.hasSuffix(Self.suffix) {
      guard let number = UInt32(name.dropLast(Self.suffix.count)) else { continue }
      found.append(try Self.segment(number, "\(folder)/\(name)"))
    }
    found.sort { $0.number < $1.number }
    if let last = found.last {
      found[found.count - 1].byteCount = Self.finished(last, Self.path(last.number, in: folder))
    }
    state = Mutex(State(closed: found, last: found.last?.number ?? 0))
  }

  func path(_ number: UInt32) -> String { Self.path(number, in: folder) }

  private static func path(_ number: UInt32, in folder: String) -> String {
    let digits = String(number)
    return "\(folder)/\(String(repeating: "0", count: max(0, 10 - digits.count)))\(digits)\(suffix)"
  }

  /// The number of a segment to come, a different one each time.
  func takeNumber() -> UInt32 {
    state.withLock { state in
      state.last &+= 1
      return state.last
    }
  }

  /// All that waits.
  var byteCount: Int {
    state.withLock { state in state.closed.reduce(state.current?.byteCount ?? 0) { $0 + $1.byteCount } }
  }

  /// When the oldest record that waits was served, µs; nil = none waits.
  var oldest: Int64? {
    state.withLock { state in
      // Of a segment that cannot be read, or has no record yet, it is not known.
      (state.closed.first { $0.oldest > 0 } ?? state.current.flatMap { $0.oldest > 0 ? $0 : nil })?.oldest
    }
  }

  /// Says what the writer has in hand.
  func write(_ segment: Segment?) { state.withLock { $0.current = segment } }

  /// Puts a segment that is written to the end in line, behind those of lower numbers.
  func close(_ segment: Segment) {
    state.withLock { state in
      if state.current?.number == segment.number { state.current = nil }
      state.closed.append(segment)
      state.isWanted = false
    }
  }

  /// The segment after `number` that is not written to any more, or the oldest one where there is none: then the writer is
  /// asked for what it has in hand.
  func next(after number: UInt32) -> Segment? {
    state.withLock { state in
      if let next = state.closed.first(where: { $0.number > number }) { return next }
      state.isWanted = true
      return state.closed.first
    }
  }

  /// Somebody waits for a segment.
  var isWanted: Bool { state.withLock { $0.isWanted } }

  /// Removes a segment that nobody needs any more.
  func remove(_ segment: Segment) throws(ServedError) {
    let path = path(segment.number)
    guard unlink(path) == 0 || errno == ENOENT else { throw ServedError("unlink", path, errno) }
    state.withLock { $0.closed.removeAll { $0.number == segment.number } }
  }

  /// All of a segment's bytes.
  func read(_ segment: Segment) throws(ServedError) -> [UInt8] {
    try Self.read(path(segment.number), atMost: segment.byteCount)
  }

  /// A file's bytes. The corresponding C function is `read`.
  static func read(_ path: String, atMost limit: Int) throws(ServedError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ServedError("open", path, errno) }
    defer { Glibc.close(descriptor) }
    let size = lseek(descriptor, 0, SEEK_END)
    guard size >= 0, lseek(descriptor, 0, SEEK_SET) == 0 else { throw ServedError("lseek", path, errno) }
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: min(Int(size), limit)) { buffer, count in
      count = 0
      while count < buffer.count {
        // In pieces, for the same reason as writes.
        BlockingPool.makeWay()
        let piece = min(buffer.count - count, Limits.servedPieceBytes)
        let got = Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, piece)
        if got < 0, errno == EINTR { continue }
        if got < 0 { code = errno }
        if got <= 0 { return }
        count += got
      }
    }
    guard code == 0 else { throw ServedError("read", path, code) }
    return bytes
  }

  /// Ends the last segment, in whose middle the writer may have been killed, behind its last record; its bytes then.
  private static func finished(_ last: Segment, _ path: String) -> Int {
    // What cannot be read now is tried again, and damage in it counted, when its turn comes.
    guard let bytes = try? read(path, atMost: last.byteCount) else { return last.byteCount }
    let byteCount = bytes.withUnsafeBytes { ServedRecord.finished($0) }
    if byteCount < last.byteCount { truncate(path, off_t(byteCount)) }
    return byteCount
  }

  private static func segment(_ number: UInt32, _ path: String) throws(ServedError) -> Segment {
    var status = stat()
    guard stat(path, &status) == 0 else { throw ServedError("stat", path, errno) }
    // What cannot be read is no reason not to start: it is tried again when its turn comes.
    let front = (try? read(path, atMost: ServedFormat.maximumRecordBytes)) ?? []
    let first = front.withUnsafeBytes { ServedRecord.parse($0) }
    return Segment(number: number, byteCount: Int(status.st_size), oldest: first?.record.servedAt ?? 0)
  }

  private static func names(_ folder: String) throws(ServedError) -> [String] {
    guard let stream = opendir(folder) else { throw ServedError("opendir", folder, errno) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
  }
}
