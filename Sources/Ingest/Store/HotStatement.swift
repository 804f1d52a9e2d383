import GRDB
import GRDBSQLite

/// A prepared statement whose values are bound and read through SQLite's own calls: for the few statements that run once
/// a row. Confined to the closure that has the database.
struct HotStatement {
  /// Keeps the handle alive.
  private let statement: Statement
  private var handle: SQLiteStatement { statement.sqliteStatement }

  init(_ database: Database, _ sql: String) throws {
    statement = try database.cachedStatement(sql: sql)
    sqlite3_reset(handle)
  }

  /// Binds an integer; nil is NULL. Places count from 1.
  func bind(_ value: Int64?, _ place: Int32) {
    if let value { sqlite3_bind_int64(handle, place, value) } else { sqlite3_bind_null(handle, place) }
  }

  /// Binds a number; nil is NULL.
  func bind(_ value: Double?, _ place: Int32) {
    if let value { sqlite3_bind_double(handle, place, value) } else { sqlite3_bind_null(handle, place) }
  }

  /// Binds text; nil is NULL.
  func bind(_ value: String?, _ place: Int32) {
    guard var value else {
      sqlite3_bind_null(handle, place)
      return
    }
    value.withUTF8 { text in
      let start = UnsafeRawPointer(text.baseAddress)?.assumingMemoryBound(to: CChar.self)
      _ = sqlite3_bind_text(handle, place, start, Int32(text.count), Self.copied)
    }
  }

  /// Binds bytes.
  func bind(_ value: [UInt8], _ place: Int32) {
    // No bytes are zero bytes and not NULL.
    _ = value.withUnsafeBytes { bytes in
      bytes.isEmpty
        ? sqlite3_bind_zeroblob(handle, place, 0)
        : sqlite3_bind_blob(handle, place, bytes.baseAddress, Int32(bytes.count), Self.copied)
    }
  }

  /// Is there a (further) row? Resets the statement when there is none.
  func step() throws -> Bool {
    let code = sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    sqlite3_reset(handle)
    guard code == SQLITE_DONE else {
      let database = sqlite3_db_handle(handle)
      throw DatabaseError(
        resultCode: ResultCode(rawValue: sqlite3_extended_errcode(database)),
        message: String(cString: sqlite3_errmsg(database)))
    }
    return false
  }

  /// Runs a statement that yields no row.
  func run() throws { _ = try step() }

  /// Ends reading before the last row.
  func reset() { sqlite3_reset(handle) }

  /// Columns count from 0.
  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

  func double(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }

  /// Empty where the column is NULL.
  func text(_ column: Int32) -> String {
    guard let start = sqlite3_column_text(handle, column) else { return "" }
    return String(
      decoding: UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))), as: UTF8.self)
  }

  func withBytes<R>(_ column: Int32, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    let start = sqlite3_column_blob(handle, column)
    return try body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
  }

  /// SQLITE_TRANSIENT: SQLite copies what is bound.
  private static var copied: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }
}
