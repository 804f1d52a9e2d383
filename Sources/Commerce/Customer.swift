/// Somebody a tenant sells to: a person or a business.
public struct Customer: Hashable, Sendable {
  /// The tenant's name for the customer.
  public let id: CustomerID
  /// ISO 3166-1 alpha-2, or a tenant's own name; empty = not known.
  public var country = ""
  /// Tenant's own name of a region; empty = not known.
  public var region = ""
  /// BCP 47 tag; empty = not known.
  public var language = ""
  /// Tenant's own segment; empty = none.
  public var segment = ""
  /// Line of business; empty = not known or a person.
  public var industry = ""
  /// Nil = not known.
  public var gender: Gender?
  /// Nil = not known.
  public var birthYear: UInt32?
  /// When the tenant first met the customer; nil = not known.
  public var firstSeen: Timestamp?
  /// Nil = not known, which permits nothing.
  public var permissions: ContactPermissions?
  /// Free attributes by key.
  public var attributes: [String: AttributeValue] = [:]

  /// A customer of whom nothing but the id is known.
  public init(id: CustomerID) {
    self.id = id
  }
}
