/// What a lists file holds beside the lists themselves; see the sections of FORMAT.md.
public struct RankedListsParts: OptionSet, Sendable {
  public let rawValue: UInt32

  /// The corresponding bits are those of the sections' kinds.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  private init(_ sections: Format.Section...) {
    rawValue = sections.reduce(0) { $0 | 1 << $1.rawValue }
  }

  /// What is known of each candidate, and the order in which candidates are found by their product.
  public static let details = RankedListsParts(.details, .order)
  /// Each customer's segment and region.
  public static let groups = RankedListsParts(.groups)
  /// A vector for each candidate, to rank by in a call.
  public static let factors = RankedListsParts(.factors)
  /// The candidates most like each candidate, to rank by in a call.
  public static let neighbours = RankedListsParts(.neighbours)
  /// Why each entry of a customer's list stands there.
  public static let reasons = RankedListsParts(.reasons)
  /// What each customer has bought.
  public static let bought = RankedListsParts(.bought)

  func contains(_ section: Format.Section) -> Bool { rawValue & 1 << section.rawValue != 0 }

  /// Every section of a file with these parts, in the order of the file.
  var sections: [Format.Section] { Format.Section.allCases.filter { !$0.isOptional || contains($0) } }
}
