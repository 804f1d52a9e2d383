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
    /// To a file, some bytes, at an offset. The corresponding C function is `pwrite`.
    var write: @Sendable (Int32, UnsafeRawBufferPointer, Int) -> Int = {
      pwrite($0, $1.baseAddress, $1.count, off_t($2))
    }
    /// As `fdatasync`; whether the file's memory is to be given back.
    var sync: @Sendable (Int32, Bool) -> Int32 = { nj_flush($0, $1) }
  }

  /// A file that is closed when nobody uses it any more.
  private final class File: Sendable {
    let descriptor: Int32
    /// Its name outlives a loss of power.
    let isNameDurable = Atomic(false)
    /// Nothing more is written to it.
    let isComplete = Atomic(false)
    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { Glibc.close(descriptor) }

    /// It was not removed.
    var hasName: Bool {
      var status = stat()
      return fstat(descriptor, &status) != 0 || status.st_nlink > 0
    }
  }

  /// The segment that is written to.
  private struct Current {
    let file: File
    var segment: ServedSegments.Segment
    /// How far the file may have been written: beyond the segment's own bytes lies what is to be written again.
    var end = 0
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
  /// When each ring was last emptied to the end.
  private var emptied: [ContinuousClock.Instant] = []
  private var current: Current?
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
      var pause = Limits.drainInterval
      repeat { usleep(UInt32(pause / .microseconds(1))) } while self?.turn(&pause) ?? false
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
      turn(isLast: true)
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
        Result { () throws(ServedError) in try write(bytes, to: file, at: 0, of: segment) }
      }
      try written.get()
      file.isComplete.store(true, ordering: .relaxed)
      try makeDurable(file)
    } catch {
      // Left there, each further try would add as much again. What a crash leaves of it ingest counts once.
      unlink(segments.path(segment.number))
      throw error
    }
    segments.close(segment)
  }

  // MARK: The turn

  /// The thread's turn; false if it was the last. `pause`: how long it is to wait for the next one.
  private func turn(_ pause: inout Duration) -> Bool {
    // Often and little, for a reactor may have to wait for a turn.
    let isBusy = lock.withLock { _ in turn(isLast: false) }
    pause = isBusy ? Limits.busyDrainInterval : Limits.drainInterval
    return !isClosing.load(ordering: .relaxed)
  }

  /// Returns whether the next one is to come soon.
  @discardableResult
  private func turn(isLast: Bool) -> Bool {
    let now = ContinuousClock.now
    if rings == nil, now >= nextOpening { openRings() }
    let isWanted = current != nil && segments.isWanted
    var (drained, isHeldBack) = (0, false)
    for (index, ring) in (rings?.rings ?? UnsafeMutableBufferPointer(start: nil, count: 0)).enumerated() {
      let pending = ring.pending
      guard !pending.isEmpty else { continue }
      let isDue = isLast || isWanted || now >= emptied[index] + Limits.drainInterval
      guard let count = drain(ring, pending, isDue: isDue) else { continue }
      drained += count
      if count == pending.count { emptied[index] = now } else { isHeldBack = true }
    }
    if isWanted { endSegment() }
    flushIfDue()
    return isHeldBack || drained > Limits.drainedBytes
  }

  /// Moves records from a ring, where it is due all of them that there is room for; returns how many bytes, nil if there is a
  /// trouble.
  private func drain(_ ring: ServedRing, _ pending: UnsafeRawBufferPointer, isDue: Bool) -> Int? {
    let room = options.limit - segments.byteCount
    let fitting = pending.count > room ? ServedRing.wholeRecords(of: pending, atMost: room) : pending.count
    guard fitting > 0 else {
      trouble(.limit, "\(options.limit) bytes of records wait for ingest")
      return nil
    }
    let records = UnsafeRawBufferPointer(rebasing: pending[..<fitting])
    let begun = current?.segment.byteCount ?? 0
    var cut = isDue ? (written: fitting, whole: fitting) : ServedRing.cut(records, at: begun)
    guard cut.whole > 0 else { return 0 }
    // A segment ends with a record.
    if begun + cut.whole >= options.segmentBytes { cut.written = cut.whole }
    do throws(ServedError) {
      try append(UnsafeRawBufferPointer(rebasing: records[..<cut.written]), whole: cut.whole)
      ring.take(cut.whole)
      figures.block(by: .ring)
      isInTrouble = false
      return cut.whole
    } catch {
      trouble(.disk, "\(error)")
      return nil
    }
  }

  private func trouble(_ loss: ServedFigures.Loss, _ reason: String) {
    figures.block(by: loss)
    if !isInTrouble { logger.error("answers are not written down for now", metadata: ["reason": "\(reason)"]) }
    isInTrouble = true
  }

  // MARK: Segments

  /// Appends records to the segment in hand, the first `whole` bytes of which are whole ones and count; says in which file
  /// they are. Takes back what it wrote where it throws.
  @discardableResult
  private func append(_ records: UnsafeRawBufferPointer, whole: Int) throws(ServedError) -> File {
    if current == nil { try beginSegment() }
    guard var appended = current else { preconditionFailure("a segment has begun") }
    let (file, start) = (appended.file, appended.segment.byteCount)
    // Lest the end of a record stays there without its beginning.
    if start + records.count < appended.end { cutOff() }
    appended.end = start + records.count
    current = appended
    do throws(ServedError) { try write(records, to: file, at: start, of: appended.segment) } catch {
      cutOff()
      throw error
    }
    if start == 0 { appended.segment.oldest = Self.time(of: records) }
    appended.segment.byteCount += whole
    if unflushed.last?.file !== file { unflushed.append(Unflushed(file: file, due: .now + options.flushInterval)) }
    unflushed[unflushed.count - 1].byteCount += whole
    current = appended
    segments.write(appended.segment)
    if appended.segment.byteCount >= options.segmentBytes { endSegment() }
    return file
  }

  /// Ends the file of the segment in hand where the segment's own bytes end.
  private func cutOff() {
    guard let (file, segment, end) = current.map({ ($0.file, $0.segment, $0.end) }), end > segment.byteCount else {
      return
    }
    current?.end = segment.byteCount
    if ftruncate(file.descriptor, off_t(segment.byteCount)) != 0 {
      logger.error("half a record stays, as damage", metadata: ["path": "\(segments.path(segment.number))"])
    }
  }

  private func appendAll(of records: [UInt8]) throws(ServedError) -> File {
    // `withUnsafeBytes` does not carry typed errors.
    let result = records.withUnsafeBytes { bytes in
      Result { () throws(ServedError) in try append(bytes, whole: bytes.count) }
    }
    return try result.get()
  }

  /// Writes all of the records to where `start` is in the segment's file, or throws after some of them.
  private func write(
    _ records: UnsafeRawBufferPointer, to file: File, at start: Int, of segment: ServedSegments.Segment
  ) throws(ServedError) {
    let step = max(Limits.servedPieceBytes, records.count / Limits.servedPieces)
    var written = 0
    while written < records.count {
      // In pieces: a reactor that is woken meanwhile waits for one of them, not for all.
      if written > 0 { sched_yield() }
      let offset = start + written
      let end = (offset + step + step / 2) / Limits.servedPieceBytes * Limits.servedPieceBytes - start
      let piece = UnsafeRawBufferPointer(rebasing: records[written..<min(end, records.count)])
      let count = options.write(file.descriptor, piece, offset)
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
    current = Current(file: try create(segment), segment: segment)
    segments.write(segment)
  }

  private func create(_ segment: ServedSegments.Segment) throws(ServedError) -> File {
    let path = segments.path(segment.number)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw ServedError("create", path, errno) }
    return File(descriptor)
  }

  private func endSegment() {
    guard let ended = current else { return }
    cutOff()
    current = nil
    ended.file.isComplete.store(true, ordering: .relaxed)
    segments.close(ended.segment)
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
    // Where ingest follows, it reads what is written before long.
    let isLeft =
      file.isComplete.load(ordering: .relaxed) && segments.byteCount > Limits.keptSegments * options.segmentBytes
    guard options.sync(file.descriptor, isLeft) == 0 else { throw ServedError("fdatasync", folder, errno) }
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
      emptied = Array(repeating: .now, count: options.ringCount)
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
