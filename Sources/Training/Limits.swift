import RankedLists

/// The numbers that bound this room's work.
enum Limits {
  /// Customers below which a tenant gets popularity's lists and no model.
  static let floorCustomers = 25
  /// Events below which a tenant gets popularity's lists and no model.
  static let floorEvents: UInt64 = 1_000
  /// Entries of a baked list: two to three pages, so that it can be filtered as it is read.
  static let listLength = 50
  /// Offers of one product that a lists file holds, those to be named first.
  static let offersEach = 32
  /// Segments with popularity and fallback lists of their own, the largest first.
  static let segments = 64
  /// Regions with fallback lists of their own, the largest first.
  static let regions = 64
  /// Values of one attribute of customers with fallback lists of their own, the most frequent first.
  static let attributeValues = 32
  /// Customers who must share a value for it to have a list.
  static let attributeCustomers = 10
  /// Free attributes of customers that are looked at, the first in order of key.
  static let freeAttributes = 16
  /// Segments, and regions, that a lists file can name: FORMAT.md, "Customer groups".
  static let groupNames = 65_535
  /// Products most like each product that a list names, for re-ranking in a call.
  static let neighbours = 50
  /// Customers that a manifest names for probing.
  static let probes = 8
  /// Bytes of a model file that a trainer reads.
  static let maximumModelBytes: UInt64 = 1 << 30
  /// Customers and products of a tenant each; indexes are 32 bits wide.
  static let maximumIndexes = Int(Int32.max)
  /// Broken snapshot streams in a row, without a new chunk, after which the night is given back.
  static let snapshotAttempts = 6
  /// Age at which what control does not want leaves the store, reckoned from what was published last: longer than a trainer
  /// that has lost its lease can go on without noticing, and than it takes to find that control runs on an old backup.
  static let unwantedArtifacts = Duration.seconds(35 * 86_400)
  /// Bytes of a reason for the journal.
  static let reasonBytes = 1_024
  /// Bytes that the journal takes of a recipe's description.
  static let optionsBytes = 256
  /// Milliseconds that control may hold a request for work.
  static let leaseWaitMilliseconds: UInt32 = 5_000
  /// Customers baked between two looks at whether the task is cancelled.
  static let customersPerCheck = 256
  /// Trials that a report names, the last and fullest ones.
  static let trials = 32

  /// Work that may go into trying recipes (`ModelSearch`), by the number of the tenant's events: about 30 µs of one core for
  /// each, and 400 ms at least, as small tenants are tried by several seeds. A night's tenants have a time budget each, and it
  /// is reckoned so that it does not hang on the machine.
  static func searchWork(events: UInt64) -> Double { max(4e8, 3e4 * Double(events)) }
}
