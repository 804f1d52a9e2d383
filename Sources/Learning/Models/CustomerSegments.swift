/// Which segment each customer belongs to.
public struct CustomerSegments: Sendable {
  /// Names in the order of their indexes.
  public let names: [String]
  /// Each customer's index into `names`, -1 = none.
  public let ofCustomer: [Int32]

  /// Numbers the segments.
  public init(names: [String], ofCustomer: [Int32]) {
    precondition(ofCustomer.allSatisfy { $0 >= -1 && $0 < names.count }, "a segment index lies outside the names")
    self.names = names
    self.ofCustomer = ofCustomer
  }

  /// Customers without segments.
  public static func none(customers: Int) -> CustomerSegments {
    CustomerSegments(names: [], ofCustomer: [Int32](repeating: -1, count: customers))
  }
}
