import Commerce
import Foundation
import GRDB

/// Control's state on disk: SQLite with a write-ahead log, synced at every commit.
///
/// Everything that is decided is written in one transaction with its journal row.
public struct ControlDatabase: Sendable {
  /// Grows with every start, so that no number that control gives out is given twice, not even after a restored backup.
  let epoch: UInt64
  let queue: DatabaseQueue

  /// Opens or makes the database in `folder`, checks the journal's chain, and begins a new epoch.
  ///
  /// The wall clock raises the epoch past those that a restored backup of the whole folder cannot know of.
  public init(folder: String, clock: ControlClock) throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    var configuration = Configuration()
    configuration.journalMode = .wal
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON") }
    queue = try DatabaseQueue(path: folder + "/control.sqlite", configuration: configuration)
    try ControlSchema.migrator.migrate(queue)
    try queue.read { db in try Journal.verify(db) }
    let beside = EpochFile(path: folder + "/epoch")
    let last = max(try queue.read { db in try Meta.epoch.read(db) }, try beside.read())
    let next = max(last + 1, clock.wall().microseconds / EpochFile.microsecondsAnEpoch)
    try beside.write(next)
    try queue.write { db in try Meta.epoch.write(next, db) }
    epoch = UInt64(next)
  }
}

/// The counters of the `meta` table.
enum Meta: String {
  case epoch, fence, revision

  func read(_ db: Database) throws -> Int64 {
    try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE name = ?", arguments: [rawValue]) ?? 0
  }

  func write(_ value: Int64, _ db: Database) throws {
    try db.execute(sql: "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", arguments: [rawValue, value])
  }

  /// The next number, from 1.
  func next(_ db: Database) throws -> Int64 {
    let next = try read(db) + 1
    try write(next, db)
    return next
  }
}

/// The epoch once more, outside the database: a restored backup of the database finds it.
private struct EpochFile {
  /// Two starts within less differ by their place in the order alone.
  static let microsecondsAnEpoch: Int64 = 1_000
  private static let largest = Int64.max / 2

  let path: String

  func read() throws -> Int64 {
    guard FileManager.default.fileExists(atPath: path) else { return 0 }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    guard let epoch = Int64(text.trimmingCharacters(in: .whitespacesAndNewlines)),
      (0...Self.largest).contains(epoch)
    else {
      throw ControlError.damaged("\(path) holds no epoch; write into it a number above every epoch in the journal")
    }
    return epoch
  }

  func write(_ epoch: Int64) throws {
    let new = path + ".new"
    guard
      FileManager.default.createFile(
        atPath: new, contents: Data("\(epoch)\n".utf8), attributes: [.posixPermissions: 0o600])
    else { throw ControlError.damaged("\(new) cannot be written: is the disk full?") }
    let handle = try FileHandle(forWritingTo: URL(filePath: new))
    try handle.synchronize()
    try handle.close()
    guard rename(new, path) == 0 else { throw ControlError.damaged("\(path) cannot be written") }
  }
}

/// Why control cannot use what it finds on disk.
enum ControlError: Error, Equatable, CustomStringConvertible {
  case damaged(String)

  var description: String {
    switch self {
    case .damaged(let what): what
    }
  }
}
