/// A value that the universal schema does not admit, with the path of its field and the limit it breaks.
public struct InvalidField: Error, Hashable, Sendable, CustomStringConvertible {
  /// Path of the field in the contract's names, such as `revenue.currency` or `attributes[3].key`.
  public let field: String
  /// What is wrong and what is admitted, written to follow the field's name: "is empty; 1 to 128 bytes are needed".
  public let reason: String

  /// A violation of `field`.
  public init(field: String, reason: String) {
    self.field = field
    self.reason = reason
  }

  public var description: String { "\(field) \(reason)" }

  /// The same violation seen from the message that holds the field: `currency` becomes `revenue.currency`.
  public func inside(_ parent: String) -> InvalidField {
    InvalidField(field: "\(parent).\(field)", reason: reason)
  }
}
