import Experimentation

/// Every limit and interval of the room.
enum Limits {
  static let armPoints = Assignment.points
  static let identifierBytes = 128
  /// Threads that fetch and verify artifacts: as many as disks and cores like at once.
  static let fileThreads = 2
  static let reconnectDelay = Backoff(first: .milliseconds(100), longest: .seconds(5))
  static let adoptionDelay = Backoff(first: .seconds(1), longest: .seconds(60))
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
  /// Lists of one message of an export, at most.
  static let listsAMessage = 500
  static let reasonBytes = 1_024
  static let routingFileBytes: UInt64 = 1 << 30
  static let recommendationIDDigits = 32
}
