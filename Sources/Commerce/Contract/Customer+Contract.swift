import Messages

extension Customer {
  /// Reads the contract's message and checks every limit it states.
  public init(validating view: View<Proto.Customer>) throws(InvalidField) {
    self.init(id: try CustomerID(view.id))
    country = view.country
    region = view.region
    language = view.language
    segment = view.segment
    industry = view.industry
    gender = try Gender.read(view.gender)
    birthYear = view.birth_year == 0 ? nil : view.birth_year
    firstSeen = try Check.time(view.first_seen_us, "first_seen_us")
    permissions = view.permissions.map(ContactPermissions.init)
    attributes = try Attributes.read(view.list(\.n_attributes, \.attributes))
    try validate()
  }

  /// Checks every limit; for customers that do not come from the contract's message.
  public func validate() throws(InvalidField) {
    for (field, text) in [("country", country), ("region", region), ("segment", segment), ("industry", industry)] {
      try Check.label(text, atMost: Limits.labelBytes, field)
    }
    try Check.label(language, atMost: Limits.languageBytes, "language")
    if let birthYear { try Check.birthYear(birthYear) }
    try Attributes.check(attributes)
  }

  /// Writes the contract's message; equal customers become equal bytes.
  public func fill(_ draft: Draft<Proto.Customer>) {
    draft.id = id.rawValue
    draft.country = country
    draft.region = region
    draft.language = language
    draft.segment = segment
    draft.industry = industry
    draft.gender = gender?.proto ?? .unknown
    draft.birth_year = birthYear ?? 0
    draft.first_seen_us = firstSeen?.microseconds ?? 0
    if let permissions { draft.message(\.permissions) { permissions.fill($0) } }
    draft.list(\.n_attributes, \.attributes, of: attributes.sorted { $0.key < $1.key }, Attributes.fill)
  }
}

extension ContactPermissions {
  fileprivate init(_ view: View<Proto.ContactPermissions>) {
    self = []
    if view.email { insert(.email) }
    if view.phone { insert(.phone) }
    if view.post { insert(.post) }
    if view.message { insert(.message) }
  }

  fileprivate func fill(_ draft: Draft<Proto.ContactPermissions>) {
    draft.email = contains(.email)
    draft.phone = contains(.phone)
    draft.post = contains(.post)
    // By key path, because a draft has a method of that name.
    draft[dynamicMember: \.message] = contains(.message)
  }
}
