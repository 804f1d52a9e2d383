import Commerce
import Foundation
import GRDB
import Synchronization
import Testing

@testable import Ingest

@Suite("Ingest: crashes and faults")
struct CrashTests {
  /// Three acknowledged writes of two tenants, and the log that they leave; the intake is dropped without being closed.
  private func logOfThreeWrites() async throws -> [UInt8] {
    let scratch = try Scratch()
    let intake = try scratch.intake()
    _ = try await intake.write(.events([try Make.event("e1"), try Make.event("e2")]))
    _ = try await intake.write(.customers([try Make.customer("c1")]), tenant: Make.fr)
    _ = try await intake.write(.events([try Make.event("e3")]))
    return try #require(try scratch.segments()["0000000001.log"])
  }

  @Test("a log cut at any byte yields its whole frames, and what was cut may be written again")
  func cuts() async throws {
    let bytes = try await logOfThreeWrites()
    let ends = try frameEnds(bytes)
    #expect(ends.count == 3 && ends.last == bytes.count)
    for length in 0...bytes.count {
      let scratch = try Scratch()
      try FileManager.default.createDirectory(atPath: scratch.file("data/log"), withIntermediateDirectories: true)
      try scratch.write(bytes[..<length], to: "data/log/0000000001.log")
      let intake = try scratch.intake()
      let whole = ends.count { $0 <= length }
      #expect(try await intake.state().events == [0, 2, 2, 3][whole], "cut at \(length)")
      #expect(try await intake.state(Make.fr).customers == [0, 0, 1, 1][whole], "cut at \(length)")
      #expect(try scratch.segments()["0000000001.log"]?.count == ([0] + ends)[whole], "cut at \(length)")
      let outcome = try await intake.write(.events([try Make.event("e2"), try Make.event("e3")]))
      #expect(outcome.verdicts == [whole > 0 ? .duplicate : .accepted, whole > 2 ? .duplicate : .accepted])
      #expect(outcome.sequence == (whole > 0 ? 3 : 2))
    }
  }

  @Test("a flipped byte before the last frame is reported and nothing is dropped silently")
  func damage() async throws {
    let bytes = try await logOfThreeWrites()
    let lastFrame = try frameEnds(bytes)[1]
    for place in 0..<bytes.count {
      let scratch = try Scratch()
      try FileManager.default.createDirectory(atPath: scratch.file("data/log"), withIntermediateDirectories: true)
      var damaged = bytes
      damaged[place] ^= 0x10
      try scratch.write(damaged, to: "data/log/0000000001.log")
      if place < lastFrame {
        #expect("byte \(place)") {
          try scratch.intake()
        } throws: { error in
          guard case IngestError.damagedLog(let path, let offset) = error else { return false }
          return path.hasSuffix("0000000001.log") && offset <= place
        }
      } else {
        // The last frame cannot be told from one that was being written; it is cut off with a warning.
        let book = LogBook()
        let intake = try scratch.intake(logger: book.logger)
        #expect(try await intake.state().events == 2)
        #expect(book.contains("cut off an unfinished write"))
      }
    }
  }

  enum End: CaseIterable, Sendable { case killed, closed, databasesLost }

  @Test(
    "acknowledged rows survive every end of the process, and the databases can be made again", arguments: End.allCases)
  func replay(end: End) async throws {
    let scratch = try Scratch()
    let intake = try scratch.intake(segmentBytes: end == .databasesLost ? 1 << 20 : 2_000)
    for batch in 0..<30 {
      let events = try (0..<10).map { try Make.event("e\(batch)-\($0)", customer: "c\($0)") }
      _ = try await intake.write(.events(events), tenant: batch % 3 == 0 ? Make.fr : Make.uk)
    }
    let range = SnapshotRange(asOf: Make.noon, watermark: 200)
    let before = (try await intake.state(Make.uk), try await intake.state(Make.fr), try await intake.snapshot(range))
    if end == .closed { intake.close() }
    let again = try Self.reopened(intake, scratch, without: end == .databasesLost ? "tenants" : nil)
    #expect(try await again.state(Make.uk) == before.0 && before.0.events == 200)
    #expect(try await again.state(Make.fr) == before.1 && before.1.events == 100)
    #expect(try await again.snapshot(range) == before.2)
  }

  /// Opens what a process that is killed now leaves behind: the folder as it stands.
  private static func reopened(_ intake: Intake, _ scratch: Scratch, without lost: String? = nil) throws -> Intake {
    let (data, copy) = (scratch.file("data"), scratch.file("copy"))
    // Not by `copyItem`, which never ends where a file becomes shorter meanwhile, as a database's log does.
    for path in ["."] + (try FileManager.default.subpathsOfDirectory(atPath: data)).sorted() {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: "\(data)/\(path)", isDirectory: &isFolder) else { continue }
      if isFolder.boolValue {
        try FileManager.default.createDirectory(atPath: "\(copy)/\(path)", withIntermediateDirectories: true)
      } else {
        let bytes = FileManager.default.contents(atPath: "\(data)/\(path)")
        #expect(FileManager.default.createFile(atPath: "\(copy)/\(path)", contents: bytes))
      }
    }
    if let lost { try FileManager.default.removeItem(atPath: "\(copy)/\(lost)") }
    return try Intake(
      folder: copy, openDatabases: 8, segmentBytes: IngestLimits.segmentBytes, files: .system, logger: .silent)
  }

  @Test(
    "a write that fails is refused and may be sent again; what was acknowledged before and after stays",
    arguments: Faults.Call.allCases, 1...4)
  func faults(call: Faults.Call, count: Int) async throws {
    let scratch = try Scratch()
    let faults = Faults()
    var acknowledged: Set<String> = []
    do {
      let intake = try scratch.intake(segmentBytes: 400, files: faults.operations)
      // A truncation is only tried after something else has failed.
      if call == .truncate { faults.fail(.partialWrite, at: count) }
      faults.fail(call, at: call == .truncate ? 1 : count)
      for id in (0..<12).map({ "e\($0)" }) {
        do {
          let outcome = try await intake.write(.events([try Make.event(id)]))
          #expect(outcome.verdicts == [.accepted])
          acknowledged.insert(id)
        } catch let error as IngestError {
          #expect(error.isFull)
          #expect(try await intake.write(.events([try Make.event(id)])).verdicts == [.accepted])
          acknowledged.insert(id)
        }
      }
      #expect(try await intake.state().events == 12)
      let again = try Self.reopened(intake, scratch)
      #expect(try await again.state().events == 12)
      let verdicts = try await again.write(.events(acknowledged.sorted().map { try Make.event($0) })).verdicts
      #expect(verdicts.allSatisfy { $0 == .duplicate })
    }
  }

  @Test("a tenant whose database refuses loses nothing, catches up by itself, and stops nobody else")
  func behind() async throws {
    let scratch = try Scratch()
    let book = LogBook()
    let intake = try scratch.intake(logger: book.logger)
    _ = try await intake.write(.events([try Make.event("e1")]))
    let more = try (0..<2_000).map { try Make.event("more-\($0)", customer: "c\($0)") }
    try Self.limitPages(of: Make.uk, in: intake, to: 1)
    for rows in [more[..<1_000], more[1_000...]] {
      await #expect {
        try await intake.write(.events(Array(rows)))
      } throws: { error in
        (error as? IngestError)?.isFull ?? false
      }
    }
    await #expect(throws: IngestError.self) { try await intake.state() }
    #expect(try await intake.write(.events([try Make.event("e1")]), tenant: Make.fr).verdicts == [.accepted])
    #expect(book.contains("rows stay in the log"))

    try Self.limitPages(of: Make.uk, in: intake, to: 1 << 30)
    #expect(try await intake.state().events == 2_001)
    #expect(try await intake.write(.events(more)).verdicts.allSatisfy { $0 == .duplicate })
    #expect(book.contains("tenant has caught up"))
  }

  @Test("a tenant that is behind catches up before its next rows are judged")
  func catchesUpFirst() async throws {
    let scratch = try Scratch()
    let intake = try scratch.intake()
    let more = try (0..<2_000).map { try Make.event("more-\($0)", customer: "c\($0)") }
    _ = try await intake.write(.events([try Make.event("e1")]))
    try Self.limitPages(of: Make.uk, in: intake, to: 1)
    await #expect(throws: IngestError.self) { try await intake.write(.events(more)) }
    try Self.limitPages(of: Make.uk, in: intake, to: 1 << 30)
    let outcome = try await intake.write(.events([more[7], try Make.event("e2"), try Make.event("e1")]))
    #expect(outcome.verdicts == [.duplicate, .accepted, .duplicate])
    #expect(outcome.sequence == 2_002)
  }

  @Test("a read that waits in front of a write of the same tenant leaves the write to be judged in its turn")
  func readBeforeWrite() async throws {
    let scratch = try Scratch()
    let gate = Gate()
    var files = FileOperations.system
    files.synchronise = { descriptor in
      gate.pass()
      return FileOperations.system.synchronise(descriptor)
    }
    let intake = try scratch.intake(files: files)
    _ = try await intake.write(.events([try Make.event("e1")]))
    try Self.limitPages(of: Make.uk, in: intake, to: 1)
    let more = try (0..<2_000).map { try Make.event("more-\($0)", customer: "c\($0)") }
    await #expect(throws: IngestError.self) { try await intake.write(.events(more)) }
    try Self.limitPages(of: Make.uk, in: intake, to: 1 << 30)

    // While the log is busy with another tenant's write, the read and the write come to stand in one group.
    gate.close()
    let busy = try await intake.begin(.events([try Make.event("e1")]), tenant: Make.fr, receivedAt: Make.noon)
    let deadline = ContinuousClock.now + .seconds(20)
    while !gate.isHolding, ContinuousClock.now < deadline { await Task.yield() }
    async let state = intake.state()
    while intake.waitingCount == 0, ContinuousClock.now < deadline { await Task.yield() }
    let write = try await intake.begin(.events([try Make.event("e2")]), tenant: Make.uk, receivedAt: Make.noon)
    #expect(intake.waitingCount == 2)
    gate.open()
    #expect(try await write.outcome.verdicts == [.accepted])
    #expect(try await busy.outcome.verdicts == [.accepted])
    #expect(try await state.events >= 2_001)
  }

  /// Lets threads through while it is open.
  private final class Gate: Sendable {
    private let state = Mutex((isOpen: true, isHolding: false))

    /// A thread stands before it.
    var isHolding: Bool { state.withLock { $0.isHolding } }

    func close() { state.withLock { $0.isOpen = false } }
    func open() { state.withLock { $0.isOpen = true } }

    func pass() {
      while state.withLock({ state in
        state.isHolding = !state.isOpen
        return state.isHolding
      }) { usleep(1_000) }
    }
  }

  /// Makes SQLite believe that the disk ends, or does not, at so many pages more than there are.
  private static func limitPages(of tenant: TenantID, in intake: Intake, to pages: Int) throws {
    try intake.stores.with(tenant) { store in
      _ = try store.read { try Int.fetchOne($0, sql: "PRAGMA max_page_count = \(pages)") }
    }
  }

  @Test("segments go when every database has their rows, and positions go on growing")
  func retirement() async throws {
    let scratch = try Scratch()
    let intake = try scratch.intake(segmentBytes: 300)
    for number in 0..<40 {
      _ = try await intake.write(.events([try Make.event("e\(number)")]), tenant: number % 2 == 0 ? Make.uk : Make.fr)
    }
    let deadline = ContinuousClock.now + .seconds(20)
    var extra = 0
    while try scratch.segmentNames().count > 2, ContinuousClock.now < deadline {
      // Each further segment sets off another round.
      extra += 1
      _ = try await intake.write(.customers([try Make.customer("c\(extra)")]))
    }
    #expect(try scratch.segmentNames().count <= 2)
    #expect(try await intake.state(Make.uk).events == 20)
    let again = try Self.reopened(intake, scratch)
    #expect(try await again.state(Make.uk).events == 20)
    #expect(try await again.write(.events([try Make.event("e0")])).verdicts == [.duplicate])
    #expect(try await again.write(.events([try Make.event("new")])).verdicts == [.accepted])
    #expect(try await again.state(Make.uk).events == 21)
  }

  @Test("a database that is ahead of the log is refused, with the remedy")
  func lostLog() async throws {
    let scratch = try Scratch()
    do {
      let intake = try scratch.intake()
      _ = try await intake.write(.events([try Make.event("e1")]))
      intake.close()
    }
    try FileManager.default.removeItem(atPath: scratch.file("data/log"))
    let intake = try scratch.intake()
    await #expect {
      try await intake.state()
    } throws: { error in
      guard case IngestError.databaseAhead(tenant: "uk", _) = error else { return false }
      return "\(error)".contains("restore the log's folder")
    }
  }

  @Test("no more databases are open than allowed, however many tenants write")
  func bound() async throws {
    let scratch = try Scratch()
    let intake = try scratch.intake(openDatabases: 5)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<40 {
        group.addTask {
          let tenant = try TenantID("t\(number % 20)")
          _ = try await intake.write(.events([try Make.event("e\(number)")]), tenant: tenant)
          #expect(intake.stores.openCount <= 5)
        }
      }
      try await group.waitForAll()
    }
    for number in 0..<20 { #expect(try await intake.state(TenantID("t\(number)")).events == 2) }
    #expect(intake.stores.openCount <= 5)
  }

  /// Ends of the frames by their headers.
  private func frameEnds(_ bytes: [UInt8]) throws -> [Int] {
    var ends: [Int] = []
    var at = 0
    while at < bytes.count {
      let header = bytes[at...].withUnsafeBytes {
        LogFrame.header($0, at: LogPosition(segment: 1, offset: UInt32(at)))
      }
      at += LogFrame.headerBytes + (try #require(header)).bodyBytes
      ends.append(at)
    }
    return ends
  }
}
