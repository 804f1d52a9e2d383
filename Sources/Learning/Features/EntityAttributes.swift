/// One thing that is known of customers, or of products, beside their acts: each has one of its values, or none.
public struct EntityAttribute: Sendable {
  /// The values' names, unique among all attributes of the same entities: "segment=trade".
  public let names: [String]
  /// Each entity's index into `names`, -1 = none.
  public let ofEntity: [Int32]

  /// Numbers the values.
  public init(names: [String], ofEntity: [Int32]) {
    precondition(ofEntity.allSatisfy { $0 >= -1 && $0 < names.count }, "a value's index lies outside the names")
    (self.names, self.ofEntity) = (names, ofEntity)
  }
}

/// What is known of customers and of products beside their acts, for models that learn from it.
public struct EntityAttributes: Sendable {
  /// Attributes of customers, each of all of them.
  public let customers: [EntityAttribute]
  /// Attributes of products, each of all of them.
  public let products: [EntityAttribute]

  /// Nothing is known.
  public static let none = EntityAttributes(customers: [], products: [])

  /// Takes up what is known.
  public init(customers: [EntityAttribute], products: [EntityAttribute]) {
    (self.customers, self.products) = (customers, products)
  }
}

extension [EntityAttribute] {
  /// Names of the values up to the last that any entity has, in the order of a `SideInformation`'s features behind those of the
  /// entities themselves.
  var features: [String] { flatMap { $0.names.prefix(Int($0.ofEntity.max() ?? -1) + 1) } }

  /// As a factorisation machine takes them.
  func sideInformation(entities: Int) -> SideInformation {
    SideInformation(
      entities: entities,
      attributes: map { attribute in
        precondition(attribute.ofEntity.count == entities, "an attribute says something of each entity")
        return attribute.ofEntity.map { $0 < 0 ? [] : [(feature: Int($0), value: 1)] }
      })
  }

  /// Of an entity the places in `known` of the values that it has, by what `known` says of each name's place.
  func places(of entity: Int, in known: [String: Int]) -> [Int] {
    compactMap { attribute in
      let value = Int(attribute.ofEntity[entity])
      return value < 0 ? nil : known[attribute.names[value]]
    }
  }
}
