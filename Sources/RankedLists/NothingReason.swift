/// Why a customer's list is deliberately empty. Open: a reader passes on codes that it does not know.
public struct NothingReason: RawRepresentable, Hashable, Sendable {
  /// 1 to 255, as in the file.
  public let rawValue: UInt8

  /// Nil for 0, which in the file means that the list is not empty.
  public init?(rawValue: UInt8) {
    guard rawValue > 0 else { return nil }
    self.rawValue = rawValue
  }

  private init(code: UInt8) {
    rawValue = code
  }

  /// No product is left that the customer may be offered.
  public static let nothingEligible = NothingReason(code: 1)
  /// The customer has not permitted recommendations.
  public static let notPermitted = NothingReason(code: 2)
  /// The model finds that every suggestion would do worse than none.
  public static let betterWithout = NothingReason(code: 3)
}
