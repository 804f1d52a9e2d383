import Learning

extension TenantData {
  /// Levels of a product's categories that are told apart.
  private static let categoryLevels = 3
  /// Products that a category must have to be told apart.
  private static let categoryProducts = 2

  /// What is known of customers and products beside their acts, for models that learn from it: segment, region and attributes of
  /// customers, categories of products.
  var entityAttributes: EntityAttributes {
    func attribute(_ key: String, _ groups: CustomerSegments) -> EntityAttribute {
      EntityAttribute(names: groups.names.map { "\(key)\($0)" }, ofEntity: groups.ofCustomer)
    }
    return EntityAttributes(
      customers: [attribute("segment=", segments), attribute("region=", regions)]
        + attributes.map { attribute("", $0) },
      products: (0..<Self.categoryLevels).map(categories))
  }

  /// The categories of one level, by their whole path.
  private func categories(_ level: Int) -> EntityAttribute {
    let paths = facts.map { facts in
      facts.categories.count > level ? facts.categories.prefix(level + 1).joined(separator: "/") : nil
    }
    let sizes = Dictionary(paths.compactMap { $0 }.map { ($0, 1) }, uniquingKeysWith: +)
    let kept = sizes.filter { $0.value >= Self.categoryProducts }.keys.sorted {
      $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
    let places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, Int32($0)) })
    return EntityAttribute(
      names: kept.map { "category\(level)=\($0)" }, ofEntity: paths.map { $0.flatMap { places[$0] } ?? -1 })
  }
}
