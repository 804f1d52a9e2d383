import GRDB

/// Keys of ids: each id that a table has seen is known by a small integer.
struct Interner {
  /// An id as SQLite tells it from others: by its bytes, where Swift takes "é" as one code point and as two for the same.
  private struct Spelling: Hashable {
    let id: String

    static func == (a: Spelling, b: Spelling) -> Bool { a.id.utf8.elementsEqual(b.id.utf8) }

    func hash(into hasher: inout Hasher) {
      var id = id
      id.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
  }

  private var remembered: [EntityTable: [Spelling: Int64]] = [:]

  /// The key of an id, given to it now if it is new. Complexity: O(1) for ids seen lately.
  mutating func key(of id: String, in table: EntityTable, _ database: Database) throws -> Int64 {
    let spelling = Spelling(id: id)
    if let key = remembered[table]?[spelling] { return key }
    let key = try find(id, table, database) ?? insert(id, table, database)
    if remembered[table, default: [:]].count >= IngestLimits.rememberedKeys { remembered[table] = [:] }
    remembered[table, default: [:]][spelling] = key
    return key
  }

  private func find(_ id: String, _ table: EntityTable, _ database: Database) throws -> Int64? {
    let statement = try HotStatement(database, "SELECT key FROM \(table) WHERE id = ?")
    statement.bind(id, 1)
    defer { statement.reset() }
    return try statement.step() ? statement.integer(0) : nil
  }

  private func insert(_ id: String, _ table: EntityTable, _ database: Database) throws -> Int64 {
    let statement = try HotStatement(database, "INSERT INTO \(table) (id) VALUES (?)")
    statement.bind(id, 1)
    try statement.run()
    return database.lastInsertedRowID
  }

  /// The id of a key.
  static func id(of key: Int64, in table: EntityTable, _ database: Database) throws -> String {
    let statement = try HotStatement(database, "SELECT id FROM \(table) WHERE key = ?")
    statement.bind(key, 1)
    defer { statement.reset() }
    guard try statement.step() else { throw DatabaseError(message: "no \(table) has the key \(key)") }
    return statement.text(0)
  }
}
