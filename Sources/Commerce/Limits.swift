/// The limits of the universal schema, as the contract states them.
public enum Limits {
  /// Longest id of a customer, product, offer, event, salesperson or recommendation; also of an attribute's key.
  public static let identifierBytes = 128
  /// Longest tenant id: a DNS label (RFC 1123).
  public static let tenantBytes = 63
  /// Longest country, region, segment, industry and category.
  public static let labelBytes = 64
  /// Longest BCP 47 tag.
  public static let languageBytes = 35
  /// Longest name of a product.
  public static let productNameBytes = 256
  /// Longest text of an attribute.
  public static let attributeTextBytes = 1024
  /// Most attributes of one customer or product.
  public static let attributes = 64
  /// Deepest path of categories.
  public static let categories = 16
  /// Most regions of one product.
  public static let regions = 256
  /// Most further products in a bundle.
  public static let bundle = 64
  /// Birth years that are believed.
  public static let birthYears: ClosedRange<UInt32> = 1850...2200
  /// A discount of the whole price, in parts per million.
  public static let discountPPM: UInt32 = 1_000_000
  /// Most units of one event.
  public static let quantity: Int64 = 1_000_000_000
  /// Longest text that was searched for.
  public static let queryBytes = 256
  /// Most withdrawn products of an overlay.
  public static let withdrawnProducts = 100_000
  /// Most product rules of an overlay, and most blocks.
  public static let overlayRules = 10_000
  /// Most products of one block.
  public static let blockedProducts = 1_000
  /// Most categories of one block.
  public static let blockedCategories = 100
  /// How far an event may lie past its tenant's business time.
  public static let eventLead: Duration = .seconds(86_400)
}
