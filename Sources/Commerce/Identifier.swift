/// A tenant's own name for one of its things: UTF-8 of 1 to 128 bytes without control characters.
///
/// `Owner` keeps ids of different things apart: a `CustomerID` is no `ProductID`. Ids are compared byte by byte, not as
/// Swift compares text: "é" as one code point and as two are two ids, here as in every file and database.
public struct Identifier<Owner>: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The id as the tenant writes it.
  public let rawValue: String

  /// Checks an id; `InvalidField` names the field `id`.
  public init(_ text: String) throws(InvalidField) {
    try self.init(text, field: "id")
  }

  /// Checks an id that stands in a field of another name.
  public init(_ text: String, field: @autoclosure () -> String) throws(InvalidField) {
    try Check.identifier(text, field())
    rawValue = text
  }

  /// An id, or nil where the field is empty.
  static func optional(_ text: String, field: @autoclosure () -> String) throws(InvalidField) -> Identifier? {
    text.isEmpty ? nil : try Identifier(text, field: field())
  }

  public var description: String { rawValue }

  public static func == (a: Identifier, b: Identifier) -> Bool { a.rawValue.utf8.elementsEqual(b.rawValue.utf8) }

  public static func < (a: Identifier, b: Identifier) -> Bool {
    a.rawValue.utf8.lexicographicallyPrecedes(b.rawValue.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    var text = rawValue
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension Identifier where Owner == Customer {
  /// Refuses UTF-8 that no customer's id can be, without making one: nothing is allocated for what can.
  public static func check(utf8: UnsafeRawBufferPointer, field: @autoclosure () -> String) throws(InvalidField) {
    guard (1...Limits.identifierBytes).contains(utf8.count), !Check.holdsControlCharacter(utf8) else {
      return try Check.identifier(String(decoding: utf8, as: UTF8.self), field())
    }
  }
}

/// Names a `Customer` of one tenant.
public typealias CustomerID = Identifier<Customer>
/// Names a `Product` of one tenant.
public typealias ProductID = Identifier<Product>
/// Names an `Offer` of one tenant.
public typealias OfferID = Identifier<Offer>
/// Names an `Event` of one tenant; writing it is idempotent by this id.
public typealias EventID = Identifier<Event>
/// Names somebody who sells.
public typealias SalespersonID = Identifier<Salesperson>
/// Names one answer of a ranker.
public typealias RecommendationID = Identifier<Recommendation>

/// Somebody who sells for a tenant; known by id only.
public enum Salesperson {}
/// One answer of a ranker; known by id only.
public enum Recommendation {}
