import Learning

/// One tenant as of one moment, its customers and products numbered in order of id, ready to learn from.
struct TenantData: Sendable {
  /// When a product is for sale, µs.
  struct Availability: Sendable {
    /// First moment of sale.
    var from = Int64.min
    /// First moment past sale.
    var until = Int64.max

    func holds(at moment: Int64) -> Bool { from <= moment && moment < until }
  }

  /// Ids by index, ascending.
  let customers: [String]
  /// Ids by index, ascending.
  let products: [String]
  let segments: CustomerSegments
  /// By product.
  let availability: [Availability]
  let interactions: Interactions
  /// Rows of the snapshot's events, also those that say nothing about a product.
  let events: UInt64

  /// Too little data for a model.
  var isUnderFloor: Bool { customers.count < Limits.floorCustomers || events < Limits.floorEvents }

  /// Which products may be listed at a moment, by index.
  func eligible(at moment: Int64) -> [Bool] { availability.map { $0.holds(at: moment) } }
}
