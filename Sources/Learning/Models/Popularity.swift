import Foundation

/// What sells now: decayed sales of each product, overall and by customer segment.
///
/// Few sales say little: a tenant's last week is drawn towards its last months, a segment's sales towards the tenant's,
/// each as if the wider distribution were `priorSales` sales (a Dirichlet prior).
public struct Popularity: Sendable, Equatable {
  /// Σ over purchases of 2^(−age / half-life), plus the prior's sales, [products].
  public let overall: [Float]
  /// The purchases of one segment's customers alone, by its name.
  public let segments: [String: [Float]]

  /// Share of all sales that is spread evenly over the catalogue, so that what has not sold lately has a score too.
  static let evenShare: Float = 0.3
  /// Sales that the wider distribution counts for.
  static let priorSales: Float = 100
  /// Half-life of the sales that a tenant's own prior is made of.
  static let priorHalfLifeDays = 60.0

  init(overall: [Float], segments: [String: [Float]]) {
    self.overall = overall
    self.segments = segments
  }

  /// Counts a history. Complexity: O(n + segments × products).
  public init(_ history: History, segments: CustomerSegments, halfLifeDays: Double) {
    let sales = history.decayedSales(
      halfLifeDays: halfLifeDays, group: segments.ofCustomer, groups: segments.names.count)
    let prior = history.decayedSales(halfLifeDays: Self.priorHalfLifeDays, group: [], groups: 0).overall
    let total = prior.reduce(0, +)
    // Sales of decades ago decay to nothing, and say nothing.
    let scale = total > .ulpOfOne ? Self.priorSales / total : 0
    overall = zip(sales.overall, prior).map { $0 + scale * $1 }
    self.segments = Dictionary(uniqueKeysWithValues: zip(segments.names, sales.groups))
  }

  /// Natural logarithm of each product's smoothed share of sales, [products].
  public func logShares() -> [Float] { shares().map { log($0) } }

  /// The same for a segment, its sales drawn towards the overall shares; of an unknown segment the overall ones.
  public func logShares(segment: String) -> [Float] {
    guard let own = segments[segment] else { return logShares() }
    let total = own.reduce(0, +) + Self.priorSales
    return zip(own, shares()).map { log(($0 + Self.priorSales * $1) / total) }
  }

  private func shares() -> [Float] {
    let total = overall.reduce(0, +)
    let even = 1 / Float(max(1, overall.count))
    guard total > 0 else { return overall.map { _ in even } }
    return overall.map { ($0 / total + Self.evenShare * even) / (1 + Self.evenShare) }
  }
}
