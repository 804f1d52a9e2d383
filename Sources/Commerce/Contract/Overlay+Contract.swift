import Messages

extension Overlay {
  /// Reads the contract's message and checks every limit it states.
  public init(validating view: View<Proto.Overlay>) throws(InvalidField) {
    let withdrawn = view.strings(\.n_withdrawn, \.withdrawn)
    try Check.count(withdrawn.count, atMost: Limits.withdrawnProducts, "withdrawn")
    for (index, id) in withdrawn.enumerated() { self.withdrawn.append(try ProductID(id, field: "withdrawn[\(index)]")) }

    let rules = view.list(\.n_products, \.products)
    try Check.count(rules.count, atMost: Limits.overlayRules, "products")
    var named: Set<ProductID> = []
    for (index, view) in rules.enumerated() {
      let rule: ProductRule
      do throws(InvalidField) { rule = try ProductRule(validating: view) } catch {
        throw error.inside("products[\(index)]")
      }
      guard named.insert(rule.product).inserted else {
        throw InvalidField(field: "products[\(index)].product", reason: "has a rule already; one for each is admitted")
      }
      products.append(rule)
    }

    let blocks = view.list(\.n_blocks, \.blocks)
    try Check.count(blocks.count, atMost: Limits.overlayRules, "blocks")
    for (index, view) in blocks.enumerated() {
      do throws(InvalidField) { self.blocks.append(try Block(validating: view)) } catch {
        throw error.inside("blocks[\(index)]")
      }
    }
    maximumPerCategory = view.maximum_per_category
  }
}

extension Overlay.ProductRule {
  fileprivate init(validating view: View<Proto.ProductRule>) throws(InvalidField) {
    product = try ProductID(view.product, field: "product")
    availableFrom = try Check.time(view.available_from_us, "available_from_us")
    availableUntil = try Check.time(view.available_until_us, "available_until_us")
    try Check.period(from: availableFrom, until: availableUntil, "available_until_us")
    regions = view.strings(\.n_regions, \.regions)
    try Check.count(regions.count, atMost: Limits.regions, "regions")
    try Check.labels(regions, "regions")
  }
}

extension Overlay.Block {
  fileprivate init(validating view: View<Proto.Block>) throws(InvalidField) {
    switch (view.customer.isEmpty, view.segment.isEmpty) {
    case (false, true): target = .customer(try CustomerID(view.customer, field: "customer"))
    case (true, false):
      try Check.label(view.segment, atMost: Limits.labelBytes, "segment")
      target = .segment(view.segment)
    default: throw InvalidField(field: "customer", reason: "or segment must be named, and not both")
    }
    let products = view.strings(\.n_products, \.products)
    try Check.count(products.count, atMost: Limits.blockedProducts, "products")
    for (index, id) in products.enumerated() { self.products.append(try ProductID(id, field: "products[\(index)]")) }
    categories = view.strings(\.n_categories, \.categories)
    try Check.count(categories.count, atMost: Limits.blockedCategories, "categories")
    try Check.labels(categories, "categories")
    guard !self.products.isEmpty || !categories.isEmpty else {
      throw InvalidField(field: "products", reason: "and categories are both empty; the block says nothing")
    }
  }
}
