import Foundation
import Glibc
import Synchronization
import Testing

import struct Operations.StartError

@testable import Ranking

@Suite("Served records: from rings to segments")
struct ServedWriterTests {
  private let scratch: Scratch
  private let folder: String
  private let log = LogBook()

  init() throws {
    scratch = try Scratch()
    folder = scratch.file("served")
  }

  /// Waits on this very thread, whose ring is the one that the test fills.
  private func wait(_ what: Comment, _ condition: () -> Bool) throws {
    let end = ContinuousClock.now + .seconds(20)
    while !condition() {
      try #require(ContinuousClock.now < end, what)
      sched_yield()
    }
  }

  @Test("what is written down on several threads comes to segments, all of it, in each thread's order")
  func severalThreads() async throws {
    let writer = try ServedWriter.small(folder, rings: 3, segmentBytes: 16 << 10, logger: log.logger)
    let threads = (0..<3).map { thread in
      Thread {
        for number in 0..<2_000 {
          writer.append(10_000 * thread + number)
          // The ring holds some 600.
          while number % 100 == 99, writer.log.pendingBytes > 32 << 10 { sched_yield() }
        }
      }
    }
    for thread in threads { thread.start() }
    try await eventually("all is written") { threads.allSatisfy(\.isFinished) }
    writer.close()
    #expect(writer.log.records == 6_000)
    let numbers = try Serve.numbers(inFolder: folder)
    for thread in 0..<3 {
      #expect(numbers.filter { $0 / 10_000 == thread } == (0..<2_000).map { 10_000 * thread + $0 })
    }
  }

  @Test("a thread that may wait loses nothing, however much it writes down")
  func waiting() throws {
    let writer = try ServedWriter.small(folder, rings: 1, logger: log.logger)
    for number in 0..<5_000 {
      writer.log.waitForRoom()
      writer.append(number)
    }
    writer.close()
    #expect(writer.figures.count(of: .ring) == 0)
    #expect(try Serve.numbers(inFolder: folder) == Array(0..<5_000))
  }

  @Test("a thread that may wait does not where nobody empties the rings")
  func waitingInVain() throws {
    let writer = try ServedWriter.small(folder, rings: 1, logger: log.logger, write: Disk().write)
    writer.append(0)
    try wait("it is said") { log.contains("No space left on device") }
    let start = ContinuousClock.now
    for number in 0..<5_000 {
      writer.log.waitForRoom()
      writer.append(number)
    }
    #expect(writer.figures.count(of: .disk) > 0 && start.duration(to: .now) < .seconds(10))
    writer.close()
  }

  @Test("a thread without a ring is counted and not waited for")
  func tooManyThreads() async throws {
    let writer = try ServedWriter.small(folder, rings: 1, logger: log.logger)
    writer.append(1)
    let other = Thread { writer.append(2) }
    other.start()
    try await eventually("the other thread has ended") { other.isFinished }
    writer.close()
    #expect(writer.figures.count(of: .ring) == 1)
    #expect(try Serve.numbers(inFolder: folder) == [1])
  }

  @Test("what the rings held when the process was killed is recovered, and damage in it is counted")
  func recovery() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    do {
      let rings = try ServedRings.make(path: "\(folder)/rings", count: 2, ringBytes: 128 << 10)
      for number in 0..<100 {
        Serve.withEntry(number) { #expect(rings.rings[0].append($0)) }
        Serve.withEntry(1_000 + number) { #expect(rings.rings[1].append($0)) }
      }
      // One record of the second ring is torn.
      let torn = UnsafeMutableRawPointer(mutating: rings.rings[1].pending.baseAddress)
      torn?.storeBytes(of: 0xff, toByteOffset: 40 * Serve.record(0).count + 50, as: UInt8.self)
    }
    let writer = try ServedWriter.small(folder, logger: log.logger)
    #expect(writer.figures.recovered == 199 && writer.figures.count(of: .damaged) == 1)
    writer.append(7)
    writer.close()
    let expected = Array(0..<100) + (1_000..<1_100).filter { $0 != 1_040 } + [7]
    #expect(try Serve.numbers(inFolder: folder) == expected)
    #expect(log.contains("records of an earlier process are recovered"))
  }

  @Test("what the rings held is on disk before they are made anew, however much it is")
  func recoveryIsDurable() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = "\(folder)/rings"
    do {
      let rings = try ServedRings.make(path: path, count: 3, ringBytes: 128 << 10)
      for number in 0..<100 { Serve.withEntry(number) { #expect(rings.rings[0].append($0)) } }
    }
    let old = try bytes(of: path).count
    let sizes = Mutex<[Int]>([])
    let writer = try ServedWriter.small(
      folder, segmentBytes: 4 << 10, logger: log.logger,
      sync: { descriptor, _ in
        sizes.withLock { $0.append((try? bytes(of: path).count) ?? 0) }
        return fdatasync(descriptor)
      })
    #expect(sizes.withLock { $0.first } == old)
    writer.close()
    #expect(try Serve.numbers(inFolder: folder) == Array(0..<100))
  }

  @Test("what a full disk keeps from being recovered is tried again, and counted once")
  func recoveryOnFullDisk() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    do {
      let rings = try ServedRings.make(path: "\(folder)/rings", count: 2, ringBytes: 128 << 10)
      for number in 0..<100 { Serve.withEntry(number) { #expect(rings.rings[0].append($0)) } }
    }
    let disk = Disk()
    let writer = try ServedWriter.small(folder, logger: log.logger, write: disk.write)
    #expect(writer.figures.recovered == 0)
    disk.isFull.store(false, ordering: .relaxed)
    try wait("it is recovered") { writer.figures.recovered > 0 }
    #expect(writer.figures.recovered == 100)
    writer.close()
    #expect(try Serve.numbers(inFolder: folder) == Array(0..<100))
  }

  @Test("a flush takes files of any length, and says what it cannot flush")
  func flush() throws {
    let options = ServedWriter.Options(folder: folder, limit: 0, ringCount: 1)
    for isLeft in [false, true] {
      let (result, code) = (options.sync(-1, isLeft), errno)
      #expect(result == -1 && code == EBADF)
    }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for length in [0, 1, 256 << 10, (256 << 10) + 1, 1 << 20] {
      let written = [UInt8](repeating: 7, count: length)
      let descriptor = open("\(folder)/flushed", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
      defer { close(descriptor) }
      #expect(write(descriptor, written, length) == length)
      #expect(options.sync(descriptor, false) == 0)
      #expect(try bytes(of: "\(folder)/flushed") == written)
      #expect(options.sync(descriptor, true) == 0)
      #expect(try residentPages(descriptor, length) == 0, "\(length)")
      #expect(try bytes(of: "\(folder)/flushed") == written)
    }
  }

  /// Pages of a file that the page cache holds; none said where there is no disk, as for tmpfs.
  private func residentPages(_ descriptor: Int32, _ length: Int) throws -> Int {
    var status = stat()
    try #require(fstat(descriptor, &status) == 0)
    let isOnDisk = status.st_dev >> 8 & 0xfff != 0
    guard length > 0, isOnDisk else { return 0 }
    let mapped = try #require(mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0))
    defer { munmap(mapped, length) }
    var pages = [UInt8](repeating: 0, count: (length + 4_095) / 4_096)
    try #require(mincore(mapped, length, &pages) == 0)
    return pages.count { $0 & 1 == 1 }
  }

  @Test("what is written in a hurry ends at the end of a piece, and goes on with the whole of what was cut")
  func cuts() {
    let record = Serve.record(0)
    let piece = Limits.servedPieceBytes
    let many = [UInt8]((0..<3 * piece / record.count).map { Serve.record($0) }.joined())
    func cut(_ bytes: ArraySlice<UInt8>, at offset: Int) -> (written: Int, whole: Int) {
      bytes.withUnsafeBytes { ServedRing.cut($0, at: offset) }
    }
    var end = 0
    for count in stride(from: record.count, through: many.count, by: record.count) {
      let (written, whole) = cut(many[end..<count], at: end)
      #expect((written > 0) == (count / piece > end / piece))
      guard written > 0 else { continue }
      #expect((end + written) % piece == 0 && end + written <= count)
      #expect(whole % record.count == 0 && written - whole < record.count && whole <= written)
      end += whole
    }
    #expect(end > 2 * piece - record.count)
    // No record of its own ends before the piece does.
    #expect(cut(many[..<record.count], at: piece - 1) == (1, 0))
    #expect(cut(many[..<0], at: 7) == (0, 0))
  }

  @Test("a full segment is given up by the page cache once it is flushed, where ingest does not follow")
  func forgetting() throws {
    let said = Mutex<[Bool]>([])
    let length = Serve.record(0).count
    let kept = Limits.keptSegments
    let writer = try ServedWriter.small(
      folder, segmentBytes: length, logger: log.logger,
      sync: { descriptor, isLeft in
        said.withLock { $0.append(isLeft) }
        return fdatasync(descriptor)
      })
    for number in 0..<kept + 2 {
      writer.append(number)
      try wait("it is flushed") { said.withLock { $0.count } == number + 1 }
    }
    #expect(said.withLock { $0 } == [Bool](repeating: false, count: kept) + [true, true])
    writer.close()
    #expect(try Serve.numbers(inFolder: folder) == Array(0..<kept + 2))
  }

  @Test("a record that a killed process was writing is no damage, since its ring holds it; behind others it is")
  func halfWritten() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let whole = [UInt8]((0..<3).map { Serve.record($0) }.joined())
    let next = Serve.record(3)
    func gaps(_ first: [UInt8], _ last: [UInt8]) throws -> [Int] {
      try write(first, to: "\(folder)/0000000001.served")
      try write(last, to: "\(folder)/0000000002.served")
      let segments = try ServedSegments(folder: folder)
      return try [UInt32(0), 1].map { number in
        let read = try segments.read(#require(segments.next(after: number)))
        #expect(Serve.numbers(in: read).numbers == [0, 1, 2])
        return Serve.numbers(in: read).gaps
      }
    }
    for length in 1..<next.count { #expect(try gaps(whole, whole + next[..<length]) == [0, 0], "\(length)") }
    #expect(try gaps(whole + next[..<40], whole) == [1, 0])
    var damaged = next
    damaged[60] ^= 1
    #expect(try gaps(whole, whole + damaged) == [0, 1])
    #expect(try gaps(whole, whole + [UInt8](repeating: 0, count: 64)) == [0, 1])
    #expect(try gaps(whole, whole + next[..<40]) == [0, 0])
    // The last one is another now.
    try write(whole, to: "\(folder)/0000000003.served")
    let writer = try ServedWriter.small(folder, logger: log.logger)
    writer.append(4)
    writer.close()
    #expect(try Serve.numbers(inFolder: folder) == [0, 1, 2, 0, 1, 2, 0, 1, 2, 4])
  }

  @Test("records are flushed while their segment is still written to")
  func flushing() throws {
    let sizes = Mutex<[off_t]>([])
    let writer = try ServedWriter.small(
      folder, logger: log.logger,
      sync: { descriptor, _ in
        sizes.withLock { $0.append(lseek(descriptor, 0, SEEK_END)) }
        return fdatasync(descriptor)
      })
    writer.append(1)
    try wait("it is flushed") { sizes.withLock { $0.count } == 1 }
    writer.append(2)
    try wait("so is the next one") { sizes.withLock { $0.count } == 2 }
    let length = off_t(Serve.record(0).count)
    #expect(sizes.withLock { $0 } == [length, 2 * length])
    writer.close()
    #expect(try Serve.numbers(inFolder: folder) == [1, 2])
  }

  @Test("where ingest keeps up nothing is ever flushed")
  func keepingUp() throws {
    let flushes = Atomic(0)
    let writer = try ServedWriter.small(
      folder, flushInterval: .seconds(2), logger: log.logger,
      sync: { descriptor, _ in
        flushes.add(1, ordering: .relaxed)
        return fdatasync(descriptor)
      })
    let end = ContinuousClock.now + .seconds(3)
    var shipped = 0
    while ContinuousClock.now < end {
      writer.append(shipped)
      var segment: ServedSegments.Segment?
      try wait("it is in line") {
        segment = writer.segments.next(after: 0)
        return segment != nil
      }
      try writer.segments.remove(#require(segment))
      shipped += 1
    }
    #expect(shipped > 2)
    writer.close()
    #expect(flushes.load(ordering: .relaxed) == 0)
  }

  @Test("what ingest has before it is due is never flushed; a full segment is, and at the end the rest, once")
  func shippedUnflushed() throws {
    let sizes = Mutex<[off_t]>([])
    let length = Serve.record(0).count
    let writer = try ServedWriter.small(
      folder, segmentBytes: 3 * length, flushInterval: .seconds(3_600), logger: log.logger,
      sync: { descriptor, _ in
        sizes.withLock { $0.append(lseek(descriptor, 0, SEEK_END)) }
        return fdatasync(descriptor)
      })
    writer.append(1)
    var shipped: ServedSegments.Segment?
    try wait("it is in line") {
      shipped = writer.segments.next(after: 0)
      return shipped != nil
    }
    try writer.segments.remove(#require(shipped))
    for number in 2..<6 {
      writer.append(number)
      try wait("it is in a segment") { writer.segments.byteCount == (number - 1) * length }
    }
    try wait("the full segment is flushed") { sizes.withLock { $0 } == [off_t(3 * length)] }
    writer.close()
    #expect(sizes.withLock { $0 } == [off_t(3 * length), off_t(length)])
    #expect(try Serve.numbers(inFolder: folder) == [2, 3, 4, 5])
  }

  @Test("records that are put at the end of the line are on disk before their old place is given up")
  func setAsideIsDurable() throws {
    let calls = Mutex<[String]>([])
    let writer = try ServedWriter.small(
      folder, logger: log.logger,
      write: { descriptor, bytes, offset in
        calls.withLock { $0.append("write") }
        return pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
      },
      sync: { descriptor, _ in
        calls.withLock { $0.append("sync") }
        return fdatasync(descriptor)
      })
    try writer.setAside(Serve.record(7))
    #expect(calls.withLock { $0 } == ["write", "sync"])
    writer.close()
    #expect(try Serve.numbers(inFolder: folder) == [7])
  }

  @Test("what is put at the end of the line again and again ends at the limit and a segment")
  func setAsideLimit() throws {
    let length = Serve.record(0).count
    let writer = try ServedWriter.small(folder, limit: 2 * length, segmentBytes: length, logger: log.logger)
    for number in 0..<3 { try writer.setAside(Serve.record(number)) }
    #expect(throws: ServedError.self) { try writer.setAside(Serve.record(3)) }
    writer.close()
    #expect(try Serve.numbers(inFolder: folder) == [0, 1, 2])
  }

  @Test("records that cannot be made durable keep their old place, and take no other however often it is tried")
  func oldPlace() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    do {
      let rings = try ServedRings.make(path: "\(folder)/rings", count: 2, ringBytes: 128 << 10)
      for number in 0..<100 { Serve.withEntry(number) { #expect(rings.rings[0].append($0)) } }
    }
    let fails = Atomic(true)
    let tries = Atomic(0)
    let writer = try ServedWriter.small(
      folder, logger: log.logger,
      sync: { descriptor, _ in
        tries.add(1, ordering: .relaxed)
        guard fails.load(ordering: .relaxed) else { return fdatasync(descriptor) }
        errno = EIO
        return -1
      })
    #expect(writer.figures.recovered == 0)
    let left = try #require(try ServedRings.open(path: "\(folder)/rings"))
    #expect(Serve.numbers(in: Array(left.rings[0].left)).numbers == Array(0..<100))
    #expect(throws: ServedError.self) { try writer.setAside(Serve.record(200)) }
    try wait("it is tried again") { tries.load(ordering: .relaxed) >= 4 }
    #expect(writer.segments.byteCount <= Serve.record(200).count)
    fails.store(false, ordering: .relaxed)
    try wait("it is recovered") { writer.figures.recovered == 100 }
    try writer.setAside(Serve.record(201))
    writer.close()
    let numbers = try Serve.numbers(inFolder: folder)
    #expect(numbers.filter { $0 != 200 }.sorted() == Array(0..<100) + [201])
  }

  @Test("rings whose first page is damaged give what is whole in them")
  func damagedFirstPage() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    do {
      let rings = try ServedRings.make(path: "\(folder)/rings", count: 2, ringBytes: 128 << 10)
      for number in 0..<100 { Serve.withEntry(number) { #expect(rings.rings[0].append($0)) } }
    }
    var damaged = try bytes(of: "\(folder)/rings")
    damaged[3] ^= 1
    try write(damaged, to: "\(folder)/rings")
    try ServedWriter.small(folder, logger: log.logger).close()
    #expect(try Serve.numbers(inFolder: folder) == Array(0..<100))
  }

  @Test("past the limit the oldest stay, the newest are dropped and counted, and with room it goes on")
  func limit() throws {
    let length = Serve.record(0).count
    let writer = try ServedWriter.small(folder, limit: 100 * length, segmentBytes: 10 * length, logger: log.logger)
    let ringHolds = (128 << 10) / length
    for number in 0..<100 { writer.append(number) }
    try wait("the limit is reached") { writer.segments.byteCount == 100 * length }
    writer.append(100)
    try wait("it is said") { log.contains("answers are not written down for now") }
    let last = 101 + ringHolds
    var number = 101
    while number < last, writer.figures.count(of: .limit) == 0 {
      writer.append(number)
      number += 1
    }
    for number in 0..<49 { writer.append(9_000 + number) }
    #expect(writer.figures.count(of: .limit) == 50 && writer.figures.count(of: .ring) == 0)
    #expect(writer.segments.byteCount <= 100 * length)
    let first = try #require(writer.segments.next(after: 0))
    let oldest = Serve.numbers(in: try writer.segments.read(first)).numbers
    #expect(oldest.count >= 10 && oldest == Array(0..<oldest.count))
    try writer.segments.remove(first)
    try wait("the room is used") { writer.segments.byteCount == 100 * length }
    // The ring has room a moment after the file has what was in it.
    try wait("answers are written down again") {
      let dropped = writer.figures.count(of: .limit)
      writer.append(8_000)
      return writer.figures.count(of: .limit) == dropped
    }
    writer.close()
  }

  @Test("a full disk costs what the rings cannot hold, is counted, and nothing is torn when there is room again")
  func fullDisk() throws {
    let disk = Disk()
    let writer = try ServedWriter.small(folder, logger: log.logger, write: disk.write)
    let ringHolds = (128 << 10) / Serve.record(0).count
    for number in 0..<ringHolds { writer.append(number) }
    try wait("it is said") { log.contains("No space left on device") }
    for number in 0..<30 { writer.append(9_000 + number) }
    #expect(writer.figures.count(of: .disk) == 30)
    disk.isFull.store(false, ordering: .relaxed)
    try wait("it goes on") { writer.segments.byteCount > 0 }
    writer.append(ringHolds)
    writer.close()
    #expect(try Serve.numbers(inFolder: folder) == Array(0...ringHolds))
  }

  /// A disk that is full in the middle of whatever is written, until it is not.
  final class Disk: Sendable {
    let isFull = Atomic(true)

    @Sendable func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int {
      let isFull = isFull.load(ordering: .relaxed)
      if bytes.count > 1_000 || !isFull {
        return pwrite(descriptor, bytes.baseAddress, isFull ? bytes.count / 2 : bytes.count, off_t(offset))
      }
      errno = ENOSPC
      return -1
    }
  }

  @Test("a process at work in the folder keeps another out, and lets it in when it has closed")
  func claimed() throws {
    let writer = try ServedWriter.small(folder, logger: log.logger)
    #expect(throws: StartError.self) { try ServedWriter.small(folder, logger: log.logger) }
    writer.append(1)
    writer.close()
    let next = try ServedWriter.small(folder, logger: log.logger)
    #expect(next.segments.oldest == 1_700_000_000_000_001)
    next.close()
    #expect(try Serve.numbers(inFolder: folder) == [1])
  }
}
