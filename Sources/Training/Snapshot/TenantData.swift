import Learning

/// One tenant as of one moment, its customers and products numbered in order of id, ready to learn from.
struct TenantData: Sendable {
  /// What a list says of a product beside its id.
  struct ProductFacts: Sendable {
    /// Empty = the id serves as name.
    var name = ""
    /// From the widest to the narrowest.
    var categories: [String] = []
    /// Empty = it is sold everywhere.
    var regions: [String] = []
    var availability = Availability()
  }

  /// When a product is for sale, µs.
  struct Availability: Sendable {
    /// First moment of sale.
    var from = Int64.min
    /// First moment past sale.
    var until = Int64.max

    func holds(at moment: Int64) -> Bool { from <= moment && moment < until }
  }

  /// A way to sell a product.
  struct Offer: Sendable {
    let id: String
    /// Index of the product.
    let product: Int
    /// Channels that it is made through, bit 1 << c for channel c of the contract; 0 = every channel.
    let channels: UInt32
    let validity: Availability
    /// Parts per million of the list price.
    let discount: UInt32

    /// Whether it is to be named rather than another offer of the same product: for the greater discount, then the earlier
    /// end, then by id.
    func precedes(_ other: Offer) -> Bool {
      if discount != other.discount { return discount > other.discount }
      if validity.until != other.validity.until { return validity.until < other.validity.until }
      return id.utf8.lexicographicallyPrecedes(other.id.utf8)
    }
  }

  /// Ids by index, ascending.
  let customers: [String]
  /// Ids by index, ascending.
  let products: [String]
  let segments: CustomerSegments
  /// As the segments: where each customer is.
  let regions: CustomerSegments
  /// By customer: also the small ones, for blocks hold for them too; empty = none.
  let segmentNames: [String]
  /// As `segmentNames`.
  let regionNames: [String]
  /// As the segments, for each attribute of customers: those who share a value of it.
  let attributes: [CustomerSegments]
  /// By product.
  let facts: [ProductFacts]
  /// By product, the one to be named first before the others; without those of products that nobody knows.
  let offers: [Offer]
  let interactions: Interactions
  /// Rows of the snapshot's events, also those that say nothing about a product.
  let events: UInt64

  /// What features look at beside acts; a product's category is the narrowest.
  var traits: Traits {
    let own = facts.map { $0.categories.last }
    let names = Set(own.compactMap { $0 }).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let index = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, Int32($0)) })
    return Traits(
      segments: segments, regions: regions,
      categories: ProductCategories(names: names, ofProduct: own.map { $0.flatMap { index[$0] } ?? -1 }))
  }

  /// Too little data for a model.
  var isUnderFloor: Bool { customers.count < Limits.floorCustomers || events < Limits.floorEvents }

  /// Which products may be listed at a moment, by index.
  func eligible(at moment: Int64) -> [Bool] { facts.map { $0.availability.holds(at: moment) } }

  /// The first moment past one at which a product comes on or goes off sale, µs; nil = none does.
  func nextAvailabilityChange(after moment: Int64) -> Int64? {
    facts.lazy.flatMap { [$0.availability.from, $0.availability.until] }.filter { $0 > moment && $0 < .max }.min()
  }
}
