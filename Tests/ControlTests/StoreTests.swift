import Commerce
import Foundation
import GRDB
import Messages
import Testing

@testable import Control

@Suite("The database")
struct StoreTests {
  @Test("everything decided is there after a restart")
  func reopen() async throws {
    var desk = try Desk()
    try await desk.create("uk", name: "United Kingdom", horizonDays: 14, needsApproval: true)
    let live = try await desk.wholeNight("uk")
    try await desk.setMode("uk", .frozen, reason: "stocktaking")
    let before = (
      try await desk.core.getTenant(Desk.request(Proto.GetTenantRequest.self) { $0.id = "uk" }).bytes,
      try await desk.kinds("uk"), try await desk.versions("uk").list(\.n_versions, \.versions).map(\.bake)
    )
    try desk.restart()
    #expect(
      try await desk.core.getTenant(Desk.request(Proto.GetTenantRequest.self) { $0.id = "uk" }).bytes == before.0)
    #expect(try await desk.kinds("uk") == before.1)
    #expect(try await desk.versions("uk").list(\.n_versions, \.versions).map(\.bake) == before.2)
    let tenant = try await desk.tenant("uk")
    #expect(tenant.live?.bake == live)
    #expect(tenant.mode == .frozen)
    #expect(tenant.horizon_days == 14)
    #expect(tenant.needs_approval)
  }

  @Test("the epoch grows with every start")
  func epoch() throws {
    let scratch = try Scratch()
    let epochs = try (0..<3).map { _ in try ControlDatabase(folder: scratch.path, clock: .stopped).epoch }
    #expect(Set(epochs).count == 3)
    #expect(epochs == epochs.sorted())
  }

  @Test("an older copy of the database does not bring an older epoch back")
  func restoredDatabase() throws {
    let scratch = try Scratch()
    _ = try ControlDatabase(folder: scratch.path, clock: .stopped).epoch
    let backup = try copy(of: scratch)
    var last: UInt64 = 0
    for _ in 0..<5 { last = try ControlDatabase(folder: scratch.path, clock: .stopped).epoch }
    try FileManager.default.removeItem(atPath: backup.path + "/epoch")
    try FileManager.default.copyItem(atPath: scratch.path + "/epoch", toPath: backup.path + "/epoch")
    #expect(try ControlDatabase(folder: backup.path, clock: .stopped).epoch > last)
  }

  @Test("a backup of the whole folder does not bring an older epoch back")
  func restoredFolder() throws {
    let time = FakeTime()
    let scratch = try Scratch()
    _ = try ControlDatabase(folder: scratch.path, clock: time.clock)
    let backup = try copy(of: scratch)
    time.advance(.seconds(3_600))
    let last = try ControlDatabase(folder: scratch.path, clock: time.clock).epoch
    time.advance(.seconds(3_600))
    #expect(try ControlDatabase(folder: backup.path, clock: time.clock).epoch > last)
  }

  @Test("a lost epoch file is made again from the database")
  func lostEpochFile() throws {
    let scratch = try Scratch()
    let first = try ControlDatabase(folder: scratch.path, clock: .stopped).epoch
    try FileManager.default.removeItem(atPath: scratch.path + "/epoch")
    #expect(try ControlDatabase(folder: scratch.path, clock: .stopped).epoch > first)
    #expect(FileManager.default.fileExists(atPath: scratch.path + "/epoch"))
  }

  @Test(
    "an epoch file that holds none is refused with the remedy", arguments: ["", "seven", "-1", "9223372036854775807"])
  func damagedEpochFile(text: String) throws {
    let scratch = try Scratch()
    _ = try ControlDatabase(folder: scratch.path, clock: .stopped)
    try Data(text.utf8).write(to: URL(filePath: scratch.path + "/epoch"))
    let error = #expect(throws: ControlError.self) { _ = try ControlDatabase(folder: scratch.path, clock: .stopped) }
    #expect(error?.description.contains("write into it a number above every epoch in the journal") == true)
  }

  @Test("the journal takes new rows at its end and nothing else")
  func appendOnly() async throws {
    let desk = try Desk()
    for name in ["a", "b", "c"] { try await desk.create(name) }
    for statement in [
      "UPDATE journal SET reason = 'other' WHERE number = 2", "DELETE FROM journal WHERE number = 3",
      "DELETE FROM journal",
      "INSERT OR REPLACE INTO journal SELECT number, at, actor, kind, tenant, 'other', detail, hash FROM journal WHERE number = 2",
      "INSERT INTO journal SELECT 9, at, actor, kind, tenant, reason, detail, hash FROM journal WHERE number = 3",
    ] {
      await #expect(throws: DatabaseError.self, "\(statement)") {
        try await desk.core.database.queue.write { db in try db.execute(sql: statement) }
      }
    }
    #expect(try await desk.journal().list(\.n_entries, \.entries).count == 3)
  }

  @Test(
    "a journal in which a row was changed, removed or moved is refused",
    arguments: [
      "UPDATE journal SET reason = 'because' WHERE number = 2",
      "UPDATE journal SET actor = 'admin/eve' WHERE number = 1",
      "UPDATE journal SET at = at + 1 WHERE number = 4",
      "UPDATE journal SET kind = 'mode.set' WHERE number = 3",
      "UPDATE journal SET tenant = 'b' WHERE number = 1",
      "UPDATE journal SET detail = '{}' WHERE number = 4",
      "UPDATE journal SET hash = zeroblob(32) WHERE number = 2",
      "UPDATE journal SET reason = actor, actor = reason WHERE number = 2",
      "DELETE FROM journal WHERE number = 1",
      "DELETE FROM journal WHERE number = 3",
      "DELETE FROM journal WHERE number = 4",
      "DELETE FROM journal",
      """
      UPDATE journal SET number = 9 WHERE number = 2; UPDATE journal SET number = 2 WHERE number = 3;
      UPDATE journal SET number = 3 WHERE number = 9
      """,
      "INSERT INTO journal SELECT 5, at, actor, kind, tenant, reason, detail, hash FROM journal WHERE number = 4",
    ])
  func tampering(statement: String) async throws {
    let scratch = try await { () async throws -> Scratch in
      let desk = try Desk()
      for name in ["a", "b", "c", "d"] { try await desk.create(name, reason: "new client \(name)") }
      return desk.scratch
    }()
    let queue = try DatabaseQueue(path: scratch.path + "/control.sqlite")
    try await queue.write { db in
      for trigger in try String.fetchAll(db, sql: "SELECT name FROM sqlite_master WHERE type = 'trigger'") {
        try db.execute(sql: "DROP TRIGGER \(trigger)")
      }
      try db.execute(sql: statement)
    }
    try queue.close()
    let error = #expect(throws: ControlError.self) { _ = try ControlDatabase(folder: scratch.path, clock: .stopped) }
    #expect(error?.description.contains("the journal is broken at entry") == true)
  }

  @Test("fences of a restored backup are never those given before")
  func restoredFences() async throws {
    var desk = try Desk()
    try await desk.create("uk")
    try desk.restart()
    try await desk.runNight()
    let lease = try #require(try await desk.lease())
    try desk.restart()
    #expect(desk.core.database.epoch > lease.token.epoch)
    desk.time.advance(Desk.leaseTime)
    try await desk.core.expireLeases()
    desk.time.advance(Desk.leaseTime)
    try await desk.core.expireLeases()
    desk.passPause()
    let next = try #require(try await desk.lease())
    #expect(next.token.epoch > lease.token.epoch)
  }

  /// The database as it is now, in a folder of its own.
  private func copy(of scratch: Scratch) throws -> Scratch {
    let backup = try Scratch()
    for file in try FileManager.default.contentsOfDirectory(atPath: scratch.path) {
      try FileManager.default.copyItem(atPath: "\(scratch.path)/\(file)", toPath: "\(backup.path)/\(file)")
    }
    return backup
  }
}
