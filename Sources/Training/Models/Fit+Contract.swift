import Learning
import Messages

extension Fit {
  /// Reads the contract's message and carries it over to today's catalogue, whose products `table` numbers by rank.
  ///
  /// Throws `champion` where the arrays do not belong together.
  ///
  /// - Parameter generators: of a stack, the messages of its generators' fits.
  init(
    validating view: View<Proto.Fit>, recipe: Recipe, generators: [View<Proto.Fit>] = [], catalogue: [[UInt8]: Int],
    products: Int
  ) throws(TrainingError) {
    let recipes = recipe.stacking?.generators ?? []
    guard generators.count == recipes.count,
      generators.allSatisfy({ $0.strings(\.n_products, \.products).isEmpty && $0.trees == nil })
    else {
      throw .champion("\(generators.count) fits are not those of its \(recipes.count) generators")
    }
    let ids = view.strings(\.n_products, \.products)
    var segments: [String: [Float]] = [:]
    for segment in view.list(\.n_segments, \.segments) {
      segments[segment.segment] = try [Float](littleEndian: segment.popularity)
    }
    var origin = [Int?](repeating: nil, count: products)
    for (row, id) in ids.enumerated() {
      if let product = catalogue[Array(id.utf8)] { origin[product] = row }
    }
    let rating = try view.ratings.map { view throws(TrainingError) in try RatingFit(validating: view) }
    let overall = try [Float](littleEndian: view.popularity)
    func kept(
      _ view: View<Proto.Fit>, _ recipe: Recipe, _ generators: [Fit] = [], _ trees: BoostedTrees? = nil
    ) throws(TrainingError) -> Fit {
      let factors = try [Float](littleEndian: view.factors)
      let similarities = try Self.similarities(view, products: ids.count)
      do throws(LearningError) {
        return try Fit(
          recipe: recipe, cut: view.cut_us, products: ids.count, overall: overall, segments: segments,
          factors: factors, similarities: similarities, rating: rating, generators: generators, trees: trees)
      } catch {
        throw .champion("\(error)")
      }
    }
    var fits: [Fit] = []
    for (view, recipe) in zip(generators, recipes) { fits.append(try kept(view, recipe)) }
    let trees = try view.trees.map { view throws(TrainingError) in try BoostedTrees(validating: view) }
    self = try kept(view, recipe, fits, trees).aligned(to: origin, recipe: recipe)
  }

  /// Writes the contract's message: of the catalogue only the products that the fit has met.
  func fill(_ draft: Draft<Proto.Fit>, recipe: Recipe, products: [String]) {
    let met = met(products: products.count)
    draft.strings(\.n_products, \.products, met.map { products[$0] })
    draft.popularity = met.map { popularity.overall[$0] }.littleEndianBytes
    let segments = popularity.segments.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    draft.list(\.n_segments, \.segments, of: segments) { entry, segment in
      entry.segment = segment.key
      entry.popularity = met.map { segment.value[$0] }.littleEndianBytes
    }
    fillLearned(draft, recipe: recipe, met)
    if let trees { draft.message(\.trees) { trees.fill($0) } }
  }

  /// What writes the message of each of a stack's generators, without what the stack's own says.
  func generatorMessages(_ recipe: Recipe) -> [(Draft<Proto.Fit>) -> Void] {
    let met = met(products: popularity.overall.count)
    return zip(recipe.stacking?.generators ?? [], generators).map { recipe, fit in
      { fit.fillLearned($0, recipe: recipe, met) }
    }
  }

  /// What the recipe alone has learned of the products met.
  private func fillLearned(_ draft: Draft<Proto.Fit>, recipe: Recipe, _ met: [Int]) {
    let factorsPerProduct = recipe.factors
    draft.cut_us = cut
    draft.factors =
      met.flatMap { factors[$0 * factorsPerProduct..<($0 + 1) * factorsPerProduct] }.littleEndianBytes
    if similarities.rows > 0 { fillSimilarities(draft, met) }
    if let rating { draft.message(\.ratings) { rating.fill($0) } }
  }

  private func fillSimilarities(_ draft: Draft<Proto.Fit>, _ met: [Int]) {
    var place = [UInt32](repeating: 0, count: similarities.rows)
    for (index, product) in met.enumerated() { place[product] = UInt32(index) }
    let rows = met.map { similarities.row($0) }
    draft.similar_counts = rows.map { UInt32($0.count) }.littleEndianBytes
    draft.similar_products = rows.joined().map { place[$0.column] }.littleEndianBytes
    draft.similarities = rows.joined().map(\.value).littleEndianBytes
  }

  /// Products that the fit or a generator's says anything of, ascending.
  private func met(products: Int) -> [Int] {
    let factorsPerProduct = factors.count / max(1, products)
    var isMet = (0..<products).map { product in
      popularity.overall[product] > 0
        || factors[product * factorsPerProduct..<(product + 1) * factorsPerProduct].contains { $0 != 0 }
    }
    for product in 0..<similarities.rows {
      let row = similarities.row(product)
      if !row.isEmpty { isMet[product] = true }
      for entry in row { isMet[entry.column] = true }
    }
    for product in generators.flatMap({ $0.met(products: products) }) { isMet[product] = true }
    return isMet.indices.filter { isMet[$0] }
  }

  private static func similarities(
    _ view: View<Proto.Fit>, products: Int
  ) throws(TrainingError) -> [[(product: Int, weight: Float)]] {
    let counts = try [UInt32](littleEndian: view.similar_counts)
    let others = try [UInt32](littleEndian: view.similar_products)
    let weights = try [Float](littleEndian: view.similarities)
    guard !counts.isEmpty else { return [] }
    guard counts.count == products, others.count == weights.count,
      counts.reduce(0, { $0 + Int($1) }) == others.count
    else { throw .champion("its similarities do not belong to its products") }
    var next = 0
    return counts.map { count in
      defer { next += Int(count) }
      return (next..<next + Int(count)).map { (Int(others[$0]), weights[$0]) }
    }
  }
}
