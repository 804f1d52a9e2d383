/// What happened between a customer and a product. Raw values are those of the contract.
public enum EventKind: UInt8, CaseIterable, Sendable, CustomStringConvertible {
  case view = 1
  case search
  case impression
  case suggestion
  case click
  case accept
  case reject
  case override
  case addToBasket
  case purchase
  /// A purchase that came back.
  case `return`
  case rating

  /// Reads a name as written in a file, such as `add-to-basket`.
  public init?(name: String) {
    guard let kind = Self.allCases.first(where: { $0.description == name }) else { return nil }
    self = kind
  }

  /// The name as written in a file: `view`, `add-to-basket`, `return`.
  public var description: String {
    switch self {
    case .view: "view"
    case .search: "search"
    case .impression: "impression"
    case .suggestion: "suggestion"
    case .click: "click"
    case .accept: "accept"
    case .reject: "reject"
    case .override: "override"
    case .addToBasket: "add-to-basket"
    case .purchase: "purchase"
    case .return: "return"
    case .rating: "rating"
    }
  }
}
