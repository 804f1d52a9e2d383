/// What a tenant does not want recommended, whatever its lists say. Takes effect within a second, without a new bake.
public struct Overlay: Hashable, Sendable {
  /// Products that are not sold any more.
  public var withdrawn: [ProductID] = []
  /// In place of what the products themselves say; one rule for each product.
  public var products: [ProductRule] = []
  /// What is never to be offered to whom.
  public var blocks: [Block] = []
  /// Products of one path of categories in one answer; 0 = no limit.
  public var maximumPerCategory: UInt32 = 0

  /// An overlay that allows everything.
  public init() {}

  /// When and where a product is sold.
  public struct ProductRule: Hashable, Sendable {
    /// Which product.
    public var product: ProductID
    /// First moment of sale in business time; nil = always was.
    public var availableFrom: Timestamp?
    /// First moment past sale in business time; nil = without end.
    public var availableUntil: Timestamp?
    /// Regions it is sold in; empty = everywhere.
    public var regions: [String] = []
  }

  /// What is never to be offered to a customer, or to any customer of a segment.
  public struct Block: Hashable, Sendable {
    /// To whom.
    public enum Target: Hashable, Sendable {
      case customer(CustomerID)
      case segment(String)
    }

    /// To whom.
    public var target: Target
    /// Products.
    public var products: [ProductID] = []
    /// Categories, at any place of a product's path.
    public var categories: [String] = []
  }
}
