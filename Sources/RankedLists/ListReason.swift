/// Why a product stands in a customer's list. Open: a reader passes on kinds that it does not know.
public struct ListReason: Hashable, Sendable {
  /// What kind of reason.
  public struct Kind: RawRepresentable, Hashable, Sendable {
    /// 1 to 255, as in the file.
    public let rawValue: UInt8

    /// Nil for 0, which in the file means that no reason is given.
    public init?(rawValue: UInt8) {
      guard rawValue > 0 else { return nil }
      self.rawValue = rawValue
    }

    private init(code: UInt8) { rawValue = code }

    /// Those who bought the reason's candidate also bought this.
    public static let boughtWith = Kind(code: 1)
    /// Those who looked at the reason's candidate also bought this.
    public static let viewedWith = Kind(code: 2)
    /// Popular among the customers of the same segment.
    public static let popularInSegment = Kind(code: 3)
    /// Popular in the same region.
    public static let popularInRegion = Kind(code: 4)
    /// Popular among all customers.
    public static let popular = Kind(code: 5)
  }

  /// What kind of reason.
  public let kind: Kind
  /// The candidate that the reason speaks of; 0 where the kind speaks of none.
  public let candidate: UInt32

  /// A reason that speaks of a candidate, or of none.
  public init(_ kind: Kind, candidate: UInt32 = 0) {
    self.kind = kind
    self.candidate = candidate
  }

  /// Low 8 bits the kind, the rest the candidate, of which there are at most 2²⁴.
  var code: UInt32 { UInt32(kind.rawValue) | candidate << 8 }

  init?(code: UInt32) {
    guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: code)) else { return nil }
    self.init(kind, candidate: code >> 8)
  }
}
