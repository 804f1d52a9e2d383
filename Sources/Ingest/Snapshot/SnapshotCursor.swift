import Commerce
import Messages

/// Where a snapshot stream stands: the last key that was sent of the table it is in.
struct SnapshotCursor: Sendable, Equatable {
  /// The tables in the order of the stream.
  enum Table: UInt32, CaseIterable, Sendable {
    case customers = 1
    case products, offers, events
  }

  var table: Table
  var key: UInt64

  /// Before everything.
  static let start = SnapshotCursor(table: .customers, key: 0)

  init(table: Table, key: UInt64) {
    self.table = table
    self.key = key
  }

  /// Reads the contract's token, which must belong to a snapshot of the same watermark.
  init(validating view: View<Proto.ResumeToken>, watermark: UInt64) throws(InvalidField) {
    guard view.watermark == watermark else {
      throw InvalidField(
        field: "resume.watermark", reason: "is \(view.watermark); the snapshot asked for has \(watermark)")
    }
    guard let table = Table(rawValue: view.table.rawValue) else {
      throw InvalidField(field: "resume.table", reason: "is \(view.table.rawValue); 1 to 4 are known")
    }
    guard view.key <= UInt64(Int64.max) else {
      throw InvalidField(field: "resume.key", reason: "is \(view.key); at most \(Int64.max) is admitted")
    }
    self.init(table: table, key: view.key)
  }

  func fill(_ draft: Draft<Proto.ResumeToken>, watermark: UInt64) {
    draft.watermark = watermark
    draft.table = Proto.SnapshotTable(rawValue: table.rawValue)
    draft.key = key
  }
}
