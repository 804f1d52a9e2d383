import COpenSSL
import GRDB

/// A digest of the present content of all rows of a tenant: the sum of their hashes, 128 bits wide, so that it follows each
/// change at the cost of one row, and neither order nor repetition counts.
///
/// Rows that were written before there was a digest are in none; what has changed since shows all the same. It tells
/// whether data are unchanged; it is no defence against a tenant that makes up rows of the same sum, to its own harm.
struct ContentDigest: Equatable, Sendable {
  private var low: UInt64 = 0
  private var high: UInt64 = 0

  /// Of no rows.
  init() {}

  init(_ database: Database) throws {
    let statement = try HotStatement(database, "SELECT low, high FROM content_digest")
    defer { statement.reset() }
    guard try statement.step() else { throw DatabaseError(message: "the table 'content_digest' is empty") }
    low = UInt64(bitPattern: statement.integer(0))
    high = UInt64(bitPattern: statement.integer(1))
  }

  func save(_ database: Database) throws {
    let statement = try HotStatement(database, "UPDATE content_digest SET low = ?, high = ?")
    statement.bind(Int64(bitPattern: low), 1)
    statement.bind(Int64(bitPattern: high), 2)
    try statement.run()
  }

  /// Counts a row in. `table`: tells rows of the same content in different tables apart.
  mutating func add(_ content: UnsafeRawBufferPointer, in table: String) {
    let hash = Self.hash(content, table)
    low &+= hash.low
    high &+= hash.high
  }

  /// Counts a row out that another takes the place of.
  mutating func remove(_ content: UnsafeRawBufferPointer, in table: String) {
    let hash = Self.hash(content, table)
    low &-= hash.low
    high &-= hash.high
  }

  /// 32 hex digits.
  var hex: String {
    [high, low].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  /// The first 16 bytes of SHA-256 (FIPS 180-4) over the table's name, a zero byte and the row.
  private static func hash(_ content: UnsafeRawBufferPointer, _ table: String) -> (low: UInt64, high: UInt64) {
    let bytes = [UInt8](table.utf8) + [0] + content
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    SHA256(bytes, bytes.count, &digest)
    return digest.withUnsafeBytes {
      (
        UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)),
        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
  }
}
