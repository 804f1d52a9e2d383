/// The value of a free attribute of a customer or a product.
public enum AttributeValue: Hashable, Sendable {
  /// At most 1,024 bytes.
  case text(String)
  /// Finite.
  case number(Double)
  /// Yes or no.
  case flag(Bool)
}
