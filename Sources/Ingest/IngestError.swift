import Commerce
import GRDB
import Glibc

/// Why the ingest service cannot start, write or read.
public enum IngestError: Error, Sendable, CustomStringConvertible {
  /// A call to the system failed.
  case system(operation: String, path: String, code: Int32)
  /// The log holds a damaged record and whole ones behind it: rows that were acknowledged cannot be read.
  case damagedLog(path: String, offset: Int)
  /// A record of the log passes its checksum but cannot be read.
  case unreadableRecord(position: LogPosition, problem: String)
  /// A tenant's database has rows from a part of the log that is not there.
  case databaseAhead(tenant: String, applied: LogPosition)
  /// A tenant's database file is no database any more.
  case damagedDatabase(tenant: String, problem: String)
  /// SQLite refused.
  case database(tenant: String, problem: String, isFull: Bool)
  /// The service is stopping.
  case closed

  public var description: String {
    switch self {
    case .system(let operation, let path, let code): "\(operation) \(path): \(String(cString: strerror(code)))"
    case .damagedLog(let path, let offset):
      "\(path) is damaged at byte \(offset), with whole records behind: restore the file from a copy, or move it away "
        + "to go on without the rows that only it holds"
    case .unreadableRecord(let position, let problem):
      "the record at \(position) of the log cannot be read: \(problem)"
    case .databaseAhead(let tenant, let applied):
      "the database of tenant '\(tenant)' stands at \(applied), past the end of the log: restore the log's folder, or, "
        + "if it is lost, make an empty segment of that number in it to go on without what only it held"
    case .damagedDatabase(let tenant, let problem):
      "the database of tenant '\(tenant)' is damaged (\(problem)): restore it from a copy"
    case .database(let tenant, let problem, _): "database of tenant '\(tenant)': \(problem)"
    case .closed: "the service is stopping"
    }
  }

  /// Has the disk no room left?
  var isFull: Bool {
    switch self {
    case .system(_, _, let code): code == ENOSPC || code == EDQUOT
    case .database(_, _, let isFull): isFull
    default: false
    }
  }
}

extension IngestError {
  /// What an error of SQLite means here.
  init(_ error: any Error, tenant: TenantID) {
    switch error {
    case let error as IngestError: self = error
    case let error as DatabaseError where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode):
      self = .damagedDatabase(tenant: tenant.rawValue, problem: error.message ?? "\(error.resultCode)")
    case let error as DatabaseError:
      self = .database(
        tenant: tenant.rawValue, problem: "\(error.resultCode): \(error.message ?? "no text")",
        isFull: error.resultCode == .SQLITE_FULL)
    default: self = .database(tenant: tenant.rawValue, problem: "\(error)", isFull: false)
    }
  }
}
