/// A place in the log: positions only grow, over segments and over restarts.
public struct LogPosition: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Number of the segment, from 1; above 0 for every record.
  let segment: UInt32
  /// Byte in the segment.
  let offset: UInt32

  /// Before every record.
  static let start = LogPosition(segment: 0, offset: 0)

  init(segment: UInt32, offset: UInt32) {
    self.segment = segment
    self.offset = offset
  }

  /// Reads what `packed` wrote.
  init(packed: UInt64) {
    self.init(segment: UInt32(truncatingIfNeeded: packed >> 32), offset: UInt32(truncatingIfNeeded: packed))
  }

  var packed: UInt64 { UInt64(segment) << 32 | UInt64(offset) }

  public var description: String { "byte \(offset) of segment \(segment)" }

  public static func < (a: LogPosition, b: LogPosition) -> Bool { a.packed < b.packed }
}
