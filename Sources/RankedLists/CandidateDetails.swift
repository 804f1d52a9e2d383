/// What a file knows of a candidate beside its ids: what an eligibility overlay and a page that names products need.
public struct CandidateDetails: Equatable, Sendable {
  /// Name of the product; empty = its id serves as name. At most 256 bytes.
  public var name: String
  /// From the widest category to the narrowest, at most 16 of at most 64 bytes each; empty = uncategorised.
  public var categories: [String]
  /// Channels through which it may be offered, one bit each as the tenant's services number them; 0 = every channel.
  public var channels: UInt32
  /// Regions in which it is sold, at most 256 of at most 64 bytes each; empty = everywhere.
  public var regions: [String]
  /// First moment of sale, µs since the epoch; nil = always was.
  public var availableFrom: Int64?
  /// First moment past sale, µs since the epoch; nil = without end.
  public var availableUntil: Int64?

  /// States what is known; nothing by default.
  public init(
    name: String = "", categories: [String] = [], channels: UInt32 = 0, regions: [String] = [],
    availableFrom: Int64? = nil, availableUntil: Int64? = nil
  ) {
    self.name = name
    self.categories = categories
    self.channels = channels
    self.regions = regions
    self.availableFrom = availableFrom
    self.availableUntil = availableUntil
  }
}

/// A candidate's details as they lie in the mapped file; valid as long as the file is. Reading them allocates nothing.
public struct CandidateDetailsView: ~Escapable {
  private let record: DetailsRecord

  @_lifetime(immortal)
  @inline(__always)
  init(_ record: DetailsRecord) { self.record = record }

  /// UTF-8; empty = the product's id serves as name.
  public var name: RawSpan {
    @_lifetime(copy self) get { _overrideLifetime(RawSpan(_unsafeBytes: record.name.raw), copying: self) }
  }

  /// Names the whole path of categories: candidates of one path have one number; 0 = uncategorised.
  public var category: UInt32 { record.category }

  /// From the widest to the narrowest, copied. Complexity: O(bytes).
  public var categories: [String] { record.labels(record.categories) }

  /// As in `CandidateDetails.channels`.
  public var channels: UInt32 { record.channels }

  /// Regions in which it is sold, copied; empty = everywhere. Complexity: O(bytes).
  public var regions: [String] { record.labels(record.regions) }

  /// Whether it is sold in the region, by the UTF-8 of its name. Complexity: O(regions).
  public func isSold(in region: UnsafeRawBufferPointer) -> Bool { record.isSold(in: region) }

  /// First moment of sale and first moment past it, µs since the epoch; the ends of `Int64` where there is none.
  public var availability: (from: Int64, until: Int64) { (record.availableFrom, record.availableUntil) }

  /// Whether it is on sale at a moment, µs since the epoch.
  @inline(__always)
  public func isAvailable(at moment: Int64) -> Bool {
    record.availableFrom <= moment && moment < record.availableUntil
  }
}
