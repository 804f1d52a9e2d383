import CThreads
import Dispatch
import Glibc
import Logging
import Operations
import Synchronization
import Transport

/// Moves records out of the rings into segments, and makes them durable; after a crash, what the rings still held.
///
/// A thread of its own empties the rings. Flushes are done elsewhere, since a slow disk must not keep it from that.
final class ServedWriter: @unchecked Sendable {
  // Sendable, because only who holds `lock` touches what changes.
  struct Options: Sendable {
    /// Folder of the files.
    var folder: String
    /// Bytes of segments, beyond which records stay in the rings, and are dropped when those are full.
    var limit: Int
    var ringCount: Int
    var ringBytes = Limits.ringBytes
    var segmentBytes = Limits.servedSegmentBytes
    var flushInterval = Limits.flushInterval
    /// The corresponding C function is `write`.
    var write: @Sendable (Int32, UnsafeRawBufferPointer) -> Int = { Glibc.write($0, $1.baseAddress, $1.count) }
    /// As `fdatasync`.
    var sync: @Sendable (Int32) -> Int32 = { nj_flush($0) }
  }

  /// A file that is closed when nobody uses it any more.
  private final class File: Sendable {
    let descriptor: Int32
    /// Its name outlives a loss of power.
    let isNameDurable = Atomic(false)
    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { Glibc.close(descriptor) }

    /// It was not removed.
    var hasName: Bool {
      var status = stat()
      return fstat(descriptor, &status) != 0 || status.st_nlink > 0
    }
  }

  /// Records of one file that a loss of power would take.
  private struct Unflushed {
    let file: File
    let due: ContinuousClock.Instant
    var byteCount = 0
  }

  let segments: ServedSegments
  let log: ServedLog
  let figures: ServedFigures
  private let options: Options
  private let logger: Logger
  private let lock = Mutex(())
  private let flushing = DispatchQueue(label: "nightjar.served-flush", qos: .utility)
  /// Empties the rings: a reactor, since those run soon after they are woken, with one job that ends with the writer.
  private let thread: Reactor
  /// Nil once the folder is given up.
  private var claim: FolderClaim?
  private let isFlushing = Atomic(false)
  private let isClosing = Atomic(false)
  private var rings: ServedRings?
  private var current: (file: File, segment: ServedSegments.Segment)?
  private var nextOpening = ContinuousClock.now
  /// The first due first.
  private var unflushed: [Unflushed] = []
  private var isInTrouble = false

  /// Claims the folder, made if missing, and brings what an earlier process left into segments.
  ///
  /// A disk that is full or fails is no reason not to start: answers are not written down then, until it is mended. Throws
  /// `StartError` where the folder is another process's or cannot be used, `TransportError` where there is no thread.
  init(_ options: Options, figures: ServedFigures, logger: Logger) throws {
    claim = try FolderClaim(options.folder)
    segments = try ServedSegments(folder: options.folder)
    log = ServedLog(ringCount: options.ringCount, figures: figures)
    self.options = options
    self.figures = figures
    self.logger = logger
    thread = try Reactor(name: "served")
    lock.withLock { _ in openRings() }
    thread.execute { [weak self] in
      var pause = Limits.drainMicroseconds
      repeat { usleep(pause) } while self?.turn(&pause) ?? false
    }
  }

  deinit {
    // The thread may be the last to hold the writer, and cannot wait for itself.
    DispatchQueue.global().async { [thread] in thread.stop() }
  }

  /// Bytes of segments that may wait.
  var limit: Int { options.limit }

  /// Moves what is there, and gives the folder up. Nothing is written down after that.
  func close() {
    isClosing.store(true, ordering: .relaxed)
    thread.stop()
    lock.withLock { _ in
      turn()
      if current != nil { endSegment() }
      flush(unflushed[...])
      claim = nil
    }
    flushing.sync {}
  }

  /// Runs work on the files beside the writer.
  func beside<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
      flushing.async { continuation.resume(with: Result(catching: body)) }
    }
  }

  /// Puts records at the end of the line again, durably, so that others come before them. Where it throws they may stand there
  /// or not: whoever has them elsewhere is to keep them.
  func setAside(_ records: [UInt8]) throws(ServedError) {
    // Room for one segment more, since the one that they come from goes then. What fails again and again ends there.
    guard segments.byteCount + records.count <= options.limit + options.segmentBytes else {
      throw ServedError("set aside", options.folder, EDQUOT)
    }
    try makeDurable(try lock.withLock { _ throws(ServedError) in try appendAll(of: records) })
  }

  /// Puts records in line durably, in a segment of their own; where it throws, none of them.
  private func move(_ records: [UInt8]) throws(ServedError) {
    // Segments stand in line in the order of their numbers.
    if current != nil { endSegment() }
    let oldest = records.withUnsafeBytes { Self.time(of: $0) }
    let segment = ServedSegments.Segment(number: segments.takeNumber(), byteCount: records.count, oldest: oldest)
    let file = try create(segment)
    do throws(ServedError) {
      // `withUnsafeBytes` does not carry typed errors.
      let written = records.withUnsafeBytes { bytes in
        Result { () throws(ServedError) in try write(bytes, to: file, of: segment) }
      }
      try written.get()
      try makeDurable(file)
    } catch {
      // Left there, each further try would add as much again. What a crash leaves of it ingest counts once.
      unlink(segments.path(segment.number))
      throw error
    }
    segments.close(segment)
  }

  // MARK: The turn

  /// The thread's turn; false if it was the last. `pause`: how long it is to wait for the next one, µs.
  private func turn(_ pause: inout UInt32) -> Bool {
    // Often and little, for a reactor may have to wait for a turn.
    let isMuch = lock.withLock { _ in turn() } > Limits.drainedBytes
    pause = isMuch ? Limits.busyDrainMicroseconds : Limits.drainMicroseconds
    return !isClosing.load(ordering: .relaxed)
  }

  /// Returns how many bytes of records came out of the rings.
  @discardableResult
  private func turn() -> Int {
    if rings == nil, ContinuousClock.now >= nextOpening { openRings() }
    var count = 0
    for ring in rings?.rings ?? UnsafeMutableBufferPointer(start: nil, count: 0) { count += drain(ring) }
    if current != nil, segments.isWanted { endSegment() }
    flushIfDue()
    return count
  }

  private func drain(_ ring: ServedRing) -> Int {
    var pending = ring.pending
    guard !pending.isEmpty else { return 0 }
    let room = options.limit - segments.byteCount
    if pending.count > room { pending = Self.wholeRecords(of: pending, atMost: room) }
    guard !pending.isEmpty else {
      trouble(.limit, "\(options.limit) bytes of records wait for ingest")
      return 0
    }
    do throws(ServedError) {
      try append(pending)
      ring.take(pending.count)
      figures.block(by: .ring)
      isInTrouble = false
      return pending.count
    } catch {
      trouble(.disk, "\(error)")
      return 0
    }
  }

  private static func wholeRecords(of pending: UnsafeRawBufferPointer, atMost room: Int) -> UnsafeRawBufferPointer {
    var end = 0
    while end < pending.count {
      let length = Int(pending.loadUnaligned(fromByteOffset: end + ServedFormat.Offset.length, as: UInt32.self))
      guard length > 0, end + length <= room else { break }
      end += length
    }
    return UnsafeRawBufferPointer(rebasing: pending[..<end])
  }

  private func trouble(_ loss: ServedFigures.Loss, _ reason: String) {
    figures.block(by: loss)
    if !isInTrouble { logger.error("answers are not written down for now", metadata: ["reason": "\(reason)"]) }
    isInTrouble = true
  }

  // MARK: Segments

  /// Appends whole records to the segment in hand, and says in which file they are; takes back what it wrote of them where it
  /// fails.
  @discardableResult
  private func append(_ records: UnsafeRawBufferPointer) throws(ServedError) -> File {
    if current == nil { try beginSegment() }
    guard let (file, begun) = current else { preconditionFailure("a segment has begun") }
    var segment = begun
    do throws(ServedError) { try write(records, to: file, of: segment) } catch {
      // Where that fails too, the rest is damage to whoever reads it; the next record goes elsewhere.
      if ftruncate(file.descriptor, off_t(segment.byteCount)) != 0 { endSegment() }
      throw error
    }
    if segment.byteCount == 0 { segment.oldest = Self.time(of: records) }
    segment.byteCount += records.count
    if unflushed.last?.file !== file { unflushed.append(Unflushed(file: file, due: .now + options.flushInterval)) }
    unflushed[unflushed.count - 1].byteCount += records.count
    current = (file, segment)
    segments.write(segment)
    if segment.byteCount >= options.segmentBytes { endSegment() }
    return file
  }

  private func appendAll(of records: [UInt8]) throws(ServedError) -> File {
    // `withUnsafeBytes` does not carry typed errors.
    let result = records.withUnsafeBytes { bytes in Result { () throws(ServedError) in try append(bytes) } }
    return try result.get()
  }

  /// All of the records, or an error after some of them.
  private func write(
    _ records: UnsafeRawBufferPointer, to file: File, of segment: ServedSegments.Segment
  ) throws(ServedError) {
    var written = 0
    let pieceBytes = max(Limits.servedPieceBytes, (records.count + Limits.servedPieces - 1) / Limits.servedPieces)
    while written < records.count {
      // In pieces: a reactor that is woken meanwhile waits for one of them, not for all.
      if written > 0 { sched_yield() }
      let piece = UnsafeRawBufferPointer(rebasing: records[written...].prefix(pieceBytes))
      let count = options.write(file.descriptor, piece)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw ServedError("write", segments.path(segment.number), count == 0 ? ENOSPC : errno) }
      written += count
    }
  }

  /// When the first of some records was served.
  private static func time(of records: UnsafeRawBufferPointer) -> Int64 {
    Int64(littleEndian: records.loadUnaligned(fromByteOffset: ServedFormat.Offset.servedAt, as: Int64.self))
  }

  private func beginSegment() throws(ServedError) {
    let segment = ServedSegments.Segment(number: segments.takeNumber(), byteCount: 0, oldest: 0)
    current = (try create(segment), segment)
    segments.write(segment)
  }

  private func create(_ segment: ServedSegments.Segment) throws(ServedError) -> File {
    let path = segments.path(segment.number)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw ServedError("create", path, errno) }
    return File(descriptor)
  }

  private func endSegment() {
    guard let (_, segment) = current else { return }
    current = nil
    segments.close(segment)
  }

  // MARK: Durability

  private func flushIfDue() {
    // What ingest has by now never needs the disk.
    unflushed.removeAll { !$0.file.hasName }
    // As much as a segment takes the disk a while: it is not to come on top of the time that records may wait.
    let isMuch = unflushed.reduce(0) { $0 + $1.byteCount } >= options.segmentBytes
    let now = ContinuousClock.now
    let due = unflushed.prefix { isMuch || now >= $0.due }
    guard !due.isEmpty, !isFlushing.exchange(true, ordering: .acquiring) else { return }
    unflushed.removeFirst(due.count)
    flush(due)
  }

  private func flush(_ due: ArraySlice<Unflushed>) {
    flushing.async { [self] in
      defer { isFlushing.store(false, ordering: .releasing) }
      for records in due { sync(records.file) }
    }
  }

  private func sync(_ file: File) {
    do throws(ServedError) { try makeDurable(file) } catch {
      logger.error("records may not outlive a loss of power", metadata: ["reason": "\(error)"])
    }
  }

  /// The corresponding C functions are `fdatasync`, and `fsync` for the name.
  private func makeDurable(_ file: File) throws(ServedError) {
    let folder = options.folder
    guard options.sync(file.descriptor) == 0 else { throw ServedError("fdatasync", folder, errno) }
    guard !file.isNameDurable.load(ordering: .relaxed) else { return }
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ServedError("open", folder, errno) }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw ServedError("fsync", folder, errno) }
    file.isNameDurable.store(true, ordering: .relaxed)
  }

  // MARK: Rings

  private func openRings() {
    nextOpening = .now + Limits.ringsRetryInterval
    let path = "\(options.folder)/rings"
    do throws(ServedError) {
      try recover(path)
      guard unlink(path) == 0 || errno == ENOENT else { throw ServedError("unlink", path, errno) }
      let made = try ServedRings.make(path: path, count: options.ringCount, ringBytes: options.ringBytes)
      rings = made
      log.use(made)
      figures.block(by: .ring)
    } catch {
      trouble(.disk, "\(error)")
    }
  }

  /// Moves what an earlier process left in its rings to a segment of its own, durably.
  private func recover(_ path: String) throws(ServedError) {
    var found: [UInt8] = []
    var (count, gaps) = (0, 0)
    func search(_ bytes: UnsafeRawBufferPointer) -> Int {
      ServedRecord.forEach(in: bytes) { _, record in
        found.append(contentsOf: record)
        count += 1
      }
    }
    if let left = try ServedRings.open(path: path) {
      for ring in left.rings { gaps += search(ring.left) }
    } else if access(path, F_OK) == 0 {
      // Its first page says nothing that can be right: whatever is whole is still found.
      let bytes = try ServedSegments.read(path, atMost: Limits.lostRingsBytes)
      _ = bytes.withUnsafeBytes { search($0) }
      logger.error("the rings of served records are damaged", metadata: ["path": "\(path)"])
    }
    // Until they are on disk the rings are where they are.
    if !found.isEmpty { try move(found) }
    // Once, however often it was tried.
    figures.recover(count)
    figures.lose(gaps, .damaged)
    guard count > 0 else { return }
    logger.notice("records of an earlier process are recovered", metadata: ["bytes": "\(found.count)"])
  }
}
