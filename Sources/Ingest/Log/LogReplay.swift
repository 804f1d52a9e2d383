import Commerce
import Logging

/// Brings what stands in the log into the tenants' databases.
struct LogReplay: Sendable {
  let folder: String

  /// Applies a tenant's records in `range`.
  func catchUp(_ store: TenantStore, _ range: Range<LogPosition>) throws {
    for segment in try LogSegment.all(in: folder)
    where segment.number >= range.lowerBound.segment && segment.number <= range.upperBound.segment {
      var records: [(LogPosition, LogRecord)] = []
      _ = try segment.read { position, record in
        if record.tenant == store.tenant, range.contains(position) { records.append((position, record)) }
      }
      try Self.apply(records[...], to: store)
    }
  }

  /// Applies everything that the databases do not have yet, segment by segment, and cuts off the rest of a write that the
  /// end of the process interrupted. A tenant whose database refuses is reported and left behind.
  func recover(_ stores: TenantStores, _ keeper: SegmentKeeper, _ lanes: Lanes, _ logger: Logger) throws {
    for segment in try LogSegment.all(in: folder) {
      keeper.note(segment.number)
      var records: [TenantID: [(LogPosition, LogRecord)]] = [:]
      let rest = try segment.read { position, record in records[record.tenant, default: []].append((position, record)) }
      if rest > 0 {
        logger.warning("cut off an unfinished write", metadata: ["path": "\(segment.path)", "bytes": "\(rest)"])
        try segment.cut(rest)
      }
      for (tenant, records) in records {
        for (position, _) in records.suffix(1) { keeper.note(tenant, position) }
        do throws(IngestError) {
          try stores.with(tenant) { try Self.apply(records[...], to: $0) }
        } catch {
          if case .unreadableRecord = error { throw error }
          lanes.fallBehind(tenant, error)
        }
      }
    }
  }

  /// Decodes and applies a transaction's worth at a time, leaving out what is applied.
  private static func apply(_ records: ArraySlice<(LogPosition, LogRecord)>, to store: TenantStore) throws {
    let applied = try store.state().applied
    var rest = records.drop { $0.0 <= applied }
    while !rest.isEmpty {
      var writes: [TenantStore.Write] = []
      var rows = 0
      while let (position, record) = rest.first, rows < IngestLimits.rowsPerTransaction {
        writes.append(try write(record, at: position))
        rows += writes.last?.rows.count ?? 0
        rest.removeFirst()
      }
      _ = try store.apply(writes)
    }
  }

  private static func write(_ record: LogRecord, at position: LogPosition) throws(IngestError) -> TenantStore.Write {
    do {
      return TenantStore.Write(position: position, receivedAt: record.receivedAt, rows: try Rows(record))
    } catch {
      throw .unreadableRecord(position: position, problem: "\(error)")
    }
  }
}
