/// What a recipe has learned of a catalogue from data up to a cut.
public struct Fit: Sendable, Equatable {
  /// The fit has seen nothing after this business time, µs.
  public let cut: Int64
  /// What sold, as of the cut.
  public let popularity: Popularity
  /// Item factors Y, or whatever numbers the recipe keeps of a product, [products × factors], row-major; empty where it has none.
  public let factors: [Float]
  /// What interest in a product says of the others [products × products]; no rows where the recipe has none.
  public let similarities: SparseMatrix
  /// What else a model of ratings has learned; nil for other recipes.
  public let rating: RatingFit?
  /// Of a stack: the fit of each generator; empty where the recipe is none.
  public let generators: [Fit]
  /// Of a stack: the second stage; nil where there was nothing to learn it from.
  public let trees: BoostedTrees?
  /// Products that it has not met, by index, ascending: a scorer folds them in.
  let unknown: [Int]

  init(
    cut: Int64, popularity: Popularity, factors: [Float] = [], similarities: SparseMatrix = .none,
    rating: RatingFit? = nil, generators: [Fit] = [], trees: BoostedTrees? = nil, unknown: [Int] = []
  ) {
    self.cut = cut
    self.popularity = popularity
    self.factors = factors
    self.similarities = similarities
    self.rating = rating
    self.generators = generators
    self.trees = trees
    self.unknown = unknown
  }

  /// Takes up a fit that was kept elsewhere. Throws `malformedFit` if the arrays do not fit the recipe or each other.
  ///
  /// - Parameters:
  ///   - similarities: each product's row, by ascending product; empty where the recipe has none.
  ///   - rating: of a model of ratings, and of no other.
  ///   - generators: of a stack, each generator's fit over the same products; else empty.
  ///   - trees: of a stack, its second stage; nil where it has none.
  public init(
    recipe: Recipe, cut: Int64, products: Int, overall: [Float], segments: [String: [Float]], factors: [Float],
    similarities: [[(product: Int, weight: Float)]], rating: RatingFit? = nil, generators: [Fit] = [],
    trees: BoostedTrees? = nil
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
    try Self.check(rating, of: recipe, factors)
    var matrix = SparseMatrix.none
    if case .similarity = recipe.kind {
      matrix = try Self.matrix(similarities, products)
    } else if !similarities.isEmpty {
      throw .malformedFit("a recipe of the kind \(recipe.name) has no similarities")
    }
    let recipes = recipe.stacking?.generators ?? []
    guard generators.count == recipes.count,
      generators.allSatisfy({ $0.cut <= cut && $0.popularity.overall.count == products })
    else { throw .malformedFit("\(generators.count) fits are not those of its \(recipes.count) generators") }
    if let trees {
      guard !recipes.isEmpty, trees.columns == Generators.columns(models: recipes.count) else {
        throw .malformedFit("its trees ask for \(trees.columns) values, which its candidates do not have")
      }
    }
    self.init(
      cut: cut, popularity: Popularity(overall: overall, segments: segments), factors: factors, similarities: matrix,
      rating: rating, generators: generators, trees: trees)
  }

  private static func check(_ rating: RatingFit?, of recipe: Recipe, _ factors: [Float]) throws(LearningError) {
    guard case .rating(let model, _) = recipe.kind else {
      guard rating == nil else { throw .malformedFit("a recipe of the kind \(recipe.name) knows no ratings") }
      return
    }
    guard let rating else { throw .malformedFit("a recipe of the kind \(recipe.name) needs what ratings taught it") }
    try rating.check(model)
    try RatingFit.check(products: factors)
  }

  private static func matrix(
    _ rows: [[(product: Int, weight: Float)]], _ products: Int
  ) throws(LearningError) -> SparseMatrix {
    guard rows.count == products else { throw .malformedFit("its similarities do not cover its \(products) products") }
    var builder = SparseMatrix.Builder(rows: products, columns: products)
    for row in rows {
      var last = -1
      for (product, weight) in row {
        guard product > last, product < products, weight.isFinite else {
          throw .malformedFit("a product's similarities are out of order, out of range or not finite")
        }
        builder.add(column: Int32(product), value: weight)
        last = product
      }
      builder.finishRow()
    }
    return builder.build()
  }

  /// The same fit over another catalogue, in which product `i` is product `origin[i]` of this one, nil = not met.
  public func aligned(to origin: [Int?], recipe: Recipe) -> Fit {
    let factorsPerProduct = recipe.factors
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
      factors: rows, similarities: similarities.aligned(to: origin), rating: rating,
      generators: zip(recipe.stacking?.generators ?? [], generators).map { $1.aligned(to: origin, recipe: $0) },
      trees: trees,
      unknown: origin.indices.filter { origin[$0] == nil })
  }

  private static func isSale(_ value: Float) -> Bool { value.isFinite && value >= 0 }
}

extension SparseMatrix {
  /// A matrix without rows.
  static let none = SparseMatrix(columns: 0, offsets: [0], indices: [], values: [])

  /// A square matrix over another numbering, in which row and column `i` are `origin[i]` of this one, nil = empty.
  fileprivate func aligned(to origin: [Int?]) -> SparseMatrix {
    guard rows > 0 else { return self }
    var place = [Int32?](repeating: nil, count: rows)
    for (index, source) in origin.enumerated() {
      if let source { place[source] = Int32(index) }
    }
    var builder = Builder(rows: origin.count, columns: origin.count)
    for source in origin {
      let moved = source.map { row($0).compactMap { entry in place[entry.column].map { ($0, entry.value) } } } ?? []
      for (column, value) in moved.sorted(by: { $0.0 < $1.0 }) { builder.add(column: column, value: value) }
      builder.finishRow()
    }
    return builder.build()
  }
}
