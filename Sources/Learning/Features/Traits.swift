/// What is known of customers and products beside their acts, for features.
public struct Traits: Sendable {
  /// Each customer's segment.
  public let segments: CustomerSegments
  /// Each customer's region.
  public let regions: CustomerSegments
  /// Each product's category, -1 = none.
  public let categories: ProductCategories

  /// Takes up what is known.
  public init(segments: CustomerSegments, regions: CustomerSegments, categories: ProductCategories) {
    precondition(segments.ofCustomer.count == regions.ofCustomer.count, "both cover the same customers")
    self.segments = segments
    self.regions = regions
    self.categories = categories
  }

  /// Customers and products of which nothing is known.
  public static func none(customers: Int, products: Int) -> Traits {
    Traits(
      segments: .none(customers: customers), regions: .none(customers: customers),
      categories: .none(products: products))
  }
}

/// Which category each product belongs to.
public struct ProductCategories: Sendable {
  /// Names in the order of their indexes.
  public let names: [String]
  /// Each product's index into `names`, -1 = none.
  public let ofProduct: [Int32]

  /// Numbers the categories.
  public init(names: [String], ofProduct: [Int32]) {
    precondition(ofProduct.allSatisfy { $0 >= -1 && $0 < names.count }, "a category index lies outside the names")
    self.names = names
    self.ofProduct = ofProduct
  }

  /// Products without categories.
  public static func none(products: Int) -> ProductCategories {
    ProductCategories(names: [], ofProduct: [Int32](repeating: -1, count: products))
  }
}

/// A group's value as a feature: made of its name, so that it means the same however the groups are numbered that night.
func groupCode(_ name: String) -> Float {
  // FNV-1a; of its bits as many as a Float holds.
  let hash = name.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
  return Float(hash >> 8)
}
