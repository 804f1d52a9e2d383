import Experimentation

/// Every limit and interval of the room.
enum Limits {
  static let armPoints = Assignment.points
  static let identifierBytes = 128
  /// Threads that fetch and verify artifacts: as many as disks and cores like at once.
  static let fileThreads = 2
  static let reconnectDelay = Backoff(first: .milliseconds(100), longest: .seconds(5))
  static let adoptionDelay = Backoff(first: .seconds(1), longest: .seconds(60))
  static let publicationPause = Duration.milliseconds(10)
  static let savingPause = Duration.milliseconds(20)
  /// The same where nothing but arms changes.
  static let armsSavingPause = Duration.milliseconds(250)
  static let reportDelay = Backoff(first: .milliseconds(200), longest: .seconds(10))
  static let factsPerReport = 1_000
  /// A thousand years, µs.
  static let largestBusinessOffset: UInt64 = 31_556_952_000_000_000
  /// Candidates that a session ranks, for those that may not be listed to be left out of.
  static let sessionCandidates = 100
  /// Calls that compute, at once: they leave a core to the reactors.
  static let computeThreads = 1
  /// Calls that compute or wait for it.
  static let computeCalls = 256
  /// Exports under way, of one tenant and of all: each is one of the calls that compute.
  static let exportsOfATenant = 4
  static let exports = computeCalls / 4
  /// When a caller with too many exports may try again.
  static let exportRetryAfter = Duration.seconds(1)
  /// Lists of one message of an export, at most.
  static let listsAMessage = 500
  /// Customers of whom an export tells before others may run: some ten microseconds.
  static let customersAtOnce = 8
  /// Customers that an export looks at before other calls have their turn.
  static let customersATurn = 1_000
  /// Numbers of candidates' vectors that are multiplied before others may run: some ten microseconds.
  static let scoredNumbers = 64 << 10
  /// Candidates whose details are looked at before others may run.
  static let candidatesAtOnce = 256
  static let reasonBytes = 1_024
  static let routingFileBytes: UInt64 = 1 << 30
  static let recommendationIDDigits = 32
  /// Served records of one thread that wait for the writer: about 5,000.
  static let ringBytes = 2 << 20
  /// Threads that answer, beyond the processors.
  static let spareRings = 2
  /// How often rings are emptied; at 100 MB of records a second from one thread one would overflow. In between, what is less
  /// than a piece may stay in a ring.
  static let drainInterval = Duration.milliseconds(20)
  /// How often the writer looks at them after a turn in which it took more than `drainedBytes`, or left some.
  static let busyDrainInterval = Duration.milliseconds(4)
  static let drainedBytes = 16 << 10
  /// How long a batch waits for its ring to be emptied, at most: so many times so long.
  static let roomTurns = 200
  static let roomTurnMicroseconds: UInt32 = 1_000
  /// How long records may wait to be flushed: with a turn and the flush itself, a loss of power costs the last second.
  static let flushInterval = Duration.milliseconds(900)
  /// How often rings that could not be made, as on a full disk, are tried again.
  static let ringsRetryInterval = Duration.seconds(1)
  static let servedSegmentBytes = 8 << 20
  /// Of one call of the system, or more: so many calls or few more, between which others run. It takes the kernel the least work
  /// where they end at a multiple of this.
  static let servedPieceBytes = 16 << 10
  static let servedPieces = 8
  /// Where more than so many segments wait for ingest, those on disk leave the page cache.
  static let keptSegments = 4
  /// Of a `rings` file whose first page is damaged, what is searched at most.
  static let lostRingsBytes = 1 << 30
  /// How long the shipper waits for records when there are none.
  static let shipInterval = Duration.milliseconds(250)
  static let shipDelay = Backoff(first: .milliseconds(200), longest: .seconds(10))
  /// Bytes of records that complete a call to ingest.
  static let shippedBytes = 1 << 20
  /// Records that are read, or put into a call, before others may run: some ten microseconds.
  static let recordsAtOnce = 32
  /// Calls to ingest at once.
  static let shippedAtOnce = 4
}
