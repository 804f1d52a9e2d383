/// A way to sell a product.
public struct Offer: Hashable, Sendable {
  /// The tenant's name for the offer.
  public let id: OfferID
  /// The product sold.
  public let product: ProductID
  /// Discount on the list price, parts per million.
  public var discountPPM: UInt32 = 0
  /// Further products sold with it; empty = no bundle.
  public var bundle: [ProductID] = []
  /// Channels it may be offered through; empty = every channel.
  public var channels: [SalesChannel] = []
  /// First moment it holds; nil = always did.
  public var validFrom: Timestamp?
  /// First moment past it; nil = without end.
  public var validUntil: Timestamp?

  /// A product at its list price, at any time, through any channel.
  public init(id: OfferID, product: ProductID) {
    self.id = id
    self.product = product
  }
}
