/// What is known of customers and products beside their acts, for features.
public struct Traits: Sendable {
  /// Each customer's segment.
  public let segments: CustomerSegments
  /// Each customer's region.
  public let regions: CustomerSegments
  /// Each product's category, -1 = none.
  public let category: [Int32]

  /// Takes up what is known.
  public init(segments: CustomerSegments, regions: CustomerSegments, category: [Int32]) {
    precondition(segments.ofCustomer.count == regions.ofCustomer.count, "both cover the same customers")
    precondition(category.allSatisfy { $0 >= -1 }, "a category is an index or -1")
    self.segments = segments
    self.regions = regions
    self.category = category
  }

  /// Customers and products of which nothing is known.
  public static func none(customers: Int, products: Int) -> Traits {
    Traits(
      segments: .none(customers: customers), regions: .none(customers: customers),
      category: [Int32](repeating: -1, count: products))
  }
}
