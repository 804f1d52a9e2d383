/// What a recipe has learned of a catalogue from data up to a cut.
public struct Fit: Sendable, Equatable {
  /// The fit has seen nothing after this business time, µs.
  public let cut: Int64
  /// What sold, as of the cut.
  public let popularity: Popularity
  /// Item factors Y [products × factors], row-major; empty where the recipe has none.
  public let factors: [Float]
  /// Products that it has not met, by index, ascending: a scorer folds them in.
  let unknown: [Int]

  init(cut: Int64, popularity: Popularity, factors: [Float]) {
    self.init(cut: cut, popularity: popularity, factors: factors, unknown: [])
  }

  private init(cut: Int64, popularity: Popularity, factors: [Float], unknown: [Int]) {
    self.cut = cut
    self.popularity = popularity
    self.factors = factors
    self.unknown = unknown
  }

  /// Takes up a fit that was kept elsewhere. Throws `malformedFit` if the arrays do not fit the recipe or each other.
  public init(
    recipe: Recipe, cut: Int64, products: Int, overall: [Float], segments: [String: [Float]], factors: [Float]
  ) throws(LearningError) {
    guard overall.count == products, segments.values.allSatisfy({ $0.count == products }) else {
      throw .malformedFit("its popularity does not cover its \(products) products")
    }
    guard factors.count == products * recipe.factors else {
      throw .malformedFit("\(factors.count) factors are not \(products) products × \(recipe.factors)")
    }
    guard overall.allSatisfy(Self.isSale), segments.values.allSatisfy({ $0.allSatisfy(Self.isSale) }) else {
      throw .malformedFit("a product's popularity is negative or not finite")
    }
    guard factors.allSatisfy(\.isFinite) else { throw .malformedFit("a factor is not finite") }
    self.init(cut: cut, popularity: Popularity(overall: overall, segments: segments), factors: factors)
  }

  /// The same fit over another catalogue, in which product `i` is product `origin[i]` of this one, nil = not met.
  public func aligned(to origin: [Int?], factorsPerProduct: Int) -> Fit {
    func moved(_ column: [Float]) -> [Float] { origin.map { $0.map { column[$0] } ?? 0 } }
    var rows: [Float] = []
    rows.reserveCapacity(origin.count * factorsPerProduct)
    for product in origin {
      if let product {
        rows += factors[product * factorsPerProduct..<(product + 1) * factorsPerProduct]
      } else {
        rows += repeatElement(0, count: factorsPerProduct)
      }
    }
    return Fit(
      cut: cut,
      popularity: Popularity(
        overall: moved(popularity.overall), segments: popularity.segments.mapValues(moved)),
      factors: rows,
      unknown: origin.indices.filter { origin[$0] == nil })
  }

  private static func isSale(_ value: Float) -> Bool { value.isFinite && value >= 0 }
}
