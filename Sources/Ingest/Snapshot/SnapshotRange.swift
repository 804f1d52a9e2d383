import Commerce

/// What a snapshot holds of a tenant: the rows up to a sequence, and of the events those up to a business time.
struct SnapshotRange: Sendable, Equatable {
  /// Events that occurred later are left out.
  let asOf: Timestamp
  /// Rows with a greater sequence are left out.
  let watermark: UInt64
}
