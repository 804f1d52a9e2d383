import Messages

extension Money {
  /// Reads the contract's message; any sign is admitted.
  public init(validating view: View<Proto.Money>) throws(InvalidField) {
    self.init(minorUnits: view.minor_units, currency: try Currency(view.currency))
  }

  /// Reads a field that may be absent.
  static func optional(_ view: View<Proto.Money>?, _ field: String) throws(InvalidField) -> Money? {
    guard let view else { return nil }
    do {
      return try Money(validating: view)
    } catch {
      throw error.inside(field)
    }
  }

  /// Writes the contract's message.
  public func fill(_ draft: Draft<Proto.Money>) {
    draft.minor_units = minorUnits
    draft.currency = currency.code
  }
}
