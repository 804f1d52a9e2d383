import Messages

extension Product {
  /// Reads the contract's message and checks every limit it states.
  public init(validating view: View<Proto.Product>) throws(InvalidField) {
    self.init(id: try ProductID(view.id))
    name = view.name
    categoryPath = view.strings(\.n_category_path, \.category_path)
    price = try Money.optional(view.price, "price")
    margin = try Money.optional(view.margin, "margin")
    availableFrom = try Check.time(view.available_from_us, "available_from_us")
    availableUntil = try Check.time(view.available_until_us, "available_until_us")
    regions = view.strings(\.n_regions, \.regions)
    attributes = try Attributes.read(view.list(\.n_attributes, \.attributes))
    try validate()
  }

  /// Checks every limit; for products that do not come from the contract's message.
  public func validate() throws(InvalidField) {
    _ = try Check.text(name, atMost: Limits.productNameBytes, "name")
    try Check.count(categoryPath.count, atMost: Limits.categories, "category_path")
    try Check.labels(categoryPath, "category_path")
    if let price, price.minorUnits < 0 {
      throw InvalidField(field: "price.minor_units", reason: "is \(price.minorUnits); it may not be negative")
    }
    if let margin, margin.currency != price?.currency {
      throw InvalidField(
        field: "margin.currency",
        reason: "is \(margin.currency); it must be that of the price, \(price?.currency.code ?? "which is absent")")
    }
    try Check.period(from: availableFrom, until: availableUntil, "available_until_us")
    try Check.count(regions.count, atMost: Limits.regions, "regions")
    try Check.labels(regions, "regions")
    try Attributes.check(attributes)
  }

  /// Writes the contract's message; equal products become equal bytes.
  public func fill(_ draft: Draft<Proto.Product>) {
    draft.id = id.rawValue
    draft.name = name
    draft.strings(\.n_category_path, \.category_path, categoryPath)
    if let price { draft.message(\.price) { price.fill($0) } }
    if let margin { draft.message(\.margin) { margin.fill($0) } }
    draft.available_from_us = availableFrom?.microseconds ?? 0
    draft.available_until_us = availableUntil?.microseconds ?? 0
    draft.strings(\.n_regions, \.regions, regions)
    draft.list(\.n_attributes, \.attributes, of: attributes.sorted { $0.key < $1.key }, Attributes.fill)
  }
}
