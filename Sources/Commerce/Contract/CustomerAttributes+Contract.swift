import Messages

extension CustomerAttributes {
  /// Reads the contract's message and checks every limit it states.
  public init(validating view: View<Proto.CustomerAttributes>) throws(InvalidField) {
    industry = view.industry
    country = view.country
    gender = try Gender.read(view.gender)
    birthYear = view.birth_year == 0 ? nil : view.birth_year
    free = try Attributes.read(view.list(\.n_attributes, \.attributes))
    for (field, text) in [("industry", industry), ("country", country)] {
      try Check.label(text, atMost: Limits.labelBytes, field)
    }
    if let birthYear { try Check.birthYear(birthYear) }
  }

  /// Takes them from all that is known of a customer.
  public init(of view: View<Proto.Customer>) throws(InvalidField) {
    industry = view.industry
    country = view.country
    gender = try Gender.read(view.gender)
    birthYear = view.birth_year == 0 ? nil : view.birth_year
    free = try Attributes.read(view.list(\.n_attributes, \.attributes))
  }

  /// Writes the contract's message; equal attributes become equal bytes.
  public func fill(_ draft: Draft<Proto.CustomerAttributes>) {
    draft.industry = industry
    draft.country = country
    draft.gender = gender?.proto ?? .unknown
    draft.birth_year = birthYear ?? 0
    draft.list(\.n_attributes, \.attributes, of: free.sorted { $0.key < $1.key }, Attributes.fill)
  }
}
