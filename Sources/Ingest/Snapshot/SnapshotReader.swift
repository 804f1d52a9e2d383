import Commerce
import GRDB
import Messages

/// Reads a snapshot chunk by chunk. Each chunk follows from range and cursor alone, so that a stream that is resumed is the
/// same, byte for byte, as one that was not interrupted, whatever was written meanwhile.
struct SnapshotReader: Sendable {
  private let range: SnapshotRange
  private(set) var cursor: SnapshotCursor
  private(set) var isAtEnd = false
  /// Rows sent so far, those before the resume included.
  private var counts: [SnapshotCursor.Table: UInt64] = [:]

  /// A reader that goes on behind `cursor`.
  init(_ range: SnapshotRange, from cursor: SnapshotCursor, _ database: Database) throws {
    self.range = range
    self.cursor = cursor
    // A stream from the start has sent nothing.
    guard cursor != .start else { return }
    for table in SnapshotCursor.Table.allCases where table.rawValue <= cursor.table.rawValue {
      let last = table == cursor.table ? cursor.key : UInt64(Int64.max)
      counts[table] = try count(table, upTo: last, database)
    }
  }

  /// An empty snapshot.
  static func empty(_ range: SnapshotRange) -> Encoded<Proto.SnapshotChunk> {
    Encoded { draft in
      draft.message(\.resume) { SnapshotCursor.start.fill($0, watermark: range.watermark) }
      draft.message(\.end) { _ in }
    }
  }

  /// The next chunk: rows of one table, or the end.
  mutating func next(_ database: Database) throws -> Encoded<Proto.SnapshotChunk> {
    while true {
      if let chunk = try chunk(database) { return chunk }
      guard let following = SnapshotCursor.Table(rawValue: cursor.table.rawValue + 1) else { break }
      cursor = SnapshotCursor(table: following, key: 0)
    }
    isAtEnd = true
    return Encoded { draft in
      draft.message(\.resume) { cursor.fill($0, watermark: range.watermark) }
      draft.message(\.end) { end in
        end.customers = counts[.customers] ?? 0
        end.products = counts[.products] ?? 0
        end.offers = counts[.offers] ?? 0
        end.events = counts[.events] ?? 0
      }
    }
  }

  /// Rows of the cursor's table; nil where it has no more.
  private mutating func chunk(_ database: Database) throws -> Encoded<Proto.SnapshotChunk>? {
    switch cursor.table {
    case .customers: try entities(.customer, field: 1, database)
    case .products: try entities(.product, field: 2, database)
    case .offers: try entities(.offer, field: 3, database)
    case .events: try events(database)
    }
  }

  private mutating func events(_ database: Database) throws -> Encoded<Proto.SnapshotChunk>? {
    var columns = EventColumns()
    guard let last = try columns.read(range, after: cursor.key, database) else { return nil }
    cursor.key = last
    counts[.events, default: 0] += UInt64(columns.count)
    return try Encoded { draft in
      try draft.message(\.events) { try columns.fill($0, database) }
      draft.message(\.resume) { cursor.fill($0, watermark: range.watermark) }
    }
  }

  /// The latest versions within the watermark, whose stored bytes become elements of the repeated field as they are.
  private mutating func entities(
    _ table: EntityTable, field: UInt8, _ database: Database
  ) throws -> Encoded<Proto.SnapshotChunk>? {
    let rows = try HotStatement(
      database,
      """
      SELECT key, content FROM \(table)_version AS version
      WHERE key > ? AND sequence = (
        SELECT max(sequence) FROM \(table)_version WHERE key = version.key AND sequence <= ?)
      ORDER BY key LIMIT \(IngestLimits.entitiesPerChunk)
      """)
    rows.bind(Int64(cursor.key), 1)
    rows.bind(range.bound, 2)
    defer { rows.reset() }
    var bytes: [UInt8] = []
    var count: UInt64 = 0
    while bytes.count < IngestLimits.entityBytesPerChunk, try rows.step() {
      rows.withBytes(1) { Self.append(field: field, $0, to: &bytes) }
      cursor.key = UInt64(rows.integer(0))
      count += 1
    }
    guard count > 0 else { return nil }
    counts[cursor.table, default: 0] += count
    // Messages laid end to end are one message: protobuf.dev/programming-guides/encoding, "last one wins".
    let rest = Encoded<Proto.SnapshotChunk> { draft in
      draft.message(\.resume) { cursor.fill($0, watermark: range.watermark) }
    }
    return Encoded(unchecked: bytes + rest.bytes)
  }

  /// An element of a repeated message field: tag, length, message.
  private static func append(field: UInt8, _ message: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    let lengthDelimited: UInt8 = 2
    bytes.append(field << 3 | lengthDelimited)
    var length = message.count
    while length >= 0x80 {
      bytes.append(UInt8(length & 0x7f) | 0x80)
      length >>= 7
    }
    bytes.append(UInt8(length))
    bytes.append(contentsOf: message)
  }

  private func count(_ table: SnapshotCursor.Table, upTo key: UInt64, _ database: Database) throws -> UInt64 {
    let entity: EntityTable
    switch table {
    case .customers: entity = .customer
    case .products: entity = .product
    case .offers: entity = .offer
    case .events:
      let rows = try HotStatement(
        database, "SELECT count(*) FROM event WHERE sequence <= ? AND sequence <= ? AND occurred_us <= ?")
      rows.bind(Int64(key), 1)
      rows.bind(range.bound, 2)
      rows.bind(range.asOf.microseconds, 3)
      return try Self.single(rows)
    }
    let rows = try HotStatement(
      database, "SELECT count(DISTINCT key) FROM \(entity)_version WHERE key <= ? AND sequence <= ?")
    rows.bind(Int64(key), 1)
    rows.bind(range.bound, 2)
    return try Self.single(rows)
  }

  private static func single(_ statement: HotStatement) throws -> UInt64 {
    defer { statement.reset() }
    return try statement.step() ? UInt64(statement.integer(0)) : 0
  }
}

extension SnapshotRange {
  /// The watermark as SQLite compares it.
  var bound: Int64 { Int64(clamping: watermark) }
}
