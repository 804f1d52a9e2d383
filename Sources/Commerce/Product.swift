/// Something a tenant sells.
public struct Product: Hashable, Sendable {
  /// The tenant's name for the product.
  public let id: ProductID
  /// Empty = the id serves as name.
  public var name = ""
  /// From the widest category to the narrowest; empty = uncategorised.
  public var categoryPath: [String] = []
  /// List price per unit; nil = not known.
  public var price: Money?
  /// Margin per unit, in the price's currency; nil = not known.
  public var margin: Money?
  /// First moment of sale; nil = always was.
  public var availableFrom: Timestamp?
  /// First moment past sale; nil = without end.
  public var availableUntil: Timestamp?
  /// Regions it is sold in; empty = everywhere.
  public var regions: [String] = []
  /// Free attributes by key.
  public var attributes: [String: AttributeValue] = [:]

  /// A product of which nothing but the id is known.
  public init(id: ProductID) {
    self.id = id
  }
}
