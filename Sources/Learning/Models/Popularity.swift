import Foundation

/// What sells now: decayed sales of each product, overall and by customer segment.
public struct Popularity: Sendable, Equatable {
  /// Σ over purchases of 2^(−age / half-life), [products].
  public let overall: [Float]
  /// The same over the customers of one segment, by its name.
  public let segments: [String: [Float]]

  /// Share of all sales that is spread evenly over the catalogue, so that what has not sold lately has a score too.
  static let evenShare: Float = 0.3
  /// Sales that the overall distribution counts for when a segment's own is drawn towards it.
  static let segmentPriorSales: Float = 100

  init(overall: [Float], segments: [String: [Float]]) {
    self.overall = overall
    self.segments = segments
  }

  /// Counts a history. Complexity: O(n + segments × products).
  public init(_ history: History, segments: CustomerSegments, halfLifeDays: Double) {
    let sales = history.decayedSales(
      halfLifeDays: halfLifeDays, group: segments.ofCustomer, groups: segments.names.count)
    overall = sales.overall
    self.segments = Dictionary(uniqueKeysWithValues: zip(segments.names, sales.groups))
  }

  /// Natural logarithm of each product's smoothed share of sales, [products].
  public func logShares() -> [Float] { shares().map { log($0) } }

  /// The same for a segment, its sales drawn towards the overall shares; of an unknown segment the overall ones.
  public func logShares(segment: String) -> [Float] {
    guard let own = segments[segment] else { return logShares() }
    let total = own.reduce(0, +) + Self.segmentPriorSales
    return zip(own, shares()).map { log(($0 + Self.segmentPriorSales * $1) / total) }
  }

  private func shares() -> [Float] {
    let total = overall.reduce(0, +)
    let even = 1 / Float(max(1, overall.count))
    guard total > 0 else { return overall.map { _ in even } }
    return overall.map { ($0 / total + Self.evenShare * even) / (1 + Self.evenShare) }
  }
}
