import NightjarClient

/// The limits of the ingest service.
enum IngestLimits {
  /// A segment of the log that has reached this is followed by a new one.
  static let segmentBytes = 64 << 20
  /// A frame takes no further record once it has reached this; one record alone may exceed it.
  static let frameBytes = 4 << 20
  /// Longest body that a frame's header may claim: a frame that was not quite full and the longest record.
  static let maximumFrameBodyBytes = 32 << 20
  /// Encoded rows that are received and not yet answered, all tenants together; further writes wait.
  static let bytesInFlight = 64 << 20
  /// The same for one stream.
  static let streamBytesInFlight = 8 << 20
  /// Threads for databases.
  static let workers = 4
  /// Rows that one transaction takes up before it ends.
  static let rowsPerTransaction = 40_000
  /// Memory that SQLite may take for the pages of one tenant.
  static let pageCacheBytes = 16 << 20
  /// Pages of 4 KiB in a write-ahead log before SQLite moves them to the database.
  static let walPages = 8_192
  /// Ids of one kind that a tenant's open database remembers the keys of.
  static let rememberedKeys = 100_000
  /// Events in one chunk of a snapshot.
  static let eventsPerChunk = 8_192
  /// Rows and bytes of customers, products or offers, either of which completes a chunk.
  static let entitiesPerChunk = 4_096
  static let entityBytesPerChunk = 256 << 10
  /// How long served records are kept.
  static let servedDays: Int64 = 90
  /// Old served records that make room for each new one, at most: what is past its time goes while others come.
  static let servedPurge = 2
  /// Items of a served answer.
  static let servedItems = Int(RankerService.maximumLimit)
  static let servedPinned = RankerService.maximumPins
  static let servedExcluded = RankerService.maximumExclusions
  /// Longest model, bake and arm.
  static let servedNameBytes = 128
  /// Events that are told with a served record.
  static let reactions = 100
}
