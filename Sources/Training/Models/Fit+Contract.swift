import Learning
import Messages

extension Fit {
  /// Reads the contract's message and carries it over to today's catalogue, whose products `table` numbers by rank.
  ///
  /// Throws `champion` where the arrays do not belong together.
  init(
    validating view: View<Proto.Fit>, recipe: Recipe, catalogue: [[UInt8]: Int], products: Int
  ) throws(TrainingError) {
    let ids = view.strings(\.n_products, \.products)
    var segments: [String: [Float]] = [:]
    for segment in view.list(\.n_segments, \.segments) {
      segments[segment.segment] = try Words.floats(segment.popularity)
    }
    var origin = [Int?](repeating: nil, count: products)
    for (row, id) in ids.enumerated() {
      if let product = catalogue[Array(id.utf8)] { origin[product] = row }
    }
    do {
      let kept = try Fit(
        recipe: recipe, cut: view.cut_us, products: ids.count, overall: try Words.floats(view.popularity),
        segments: segments, factors: try Words.floats(view.factors),
        similarities: try Self.similarities(view, products: ids.count),
        rating: try view.ratings.map { view throws(TrainingError) in try RatingFit(validating: view) })
      self = kept.aligned(to: origin, factorsPerProduct: recipe.factors)
    } catch let error as TrainingError {
      throw error
    } catch {
      throw .champion("\(error)")
    }
  }

  /// Writes the contract's message: of the catalogue only the products that the fit has met.
  func fill(_ draft: Draft<Proto.Fit>, recipe: Recipe, products: [String]) {
    let factorsPerProduct = recipe.factors
    let met = met(products: products.count, factorsPerProduct)
    draft.cut_us = cut
    draft.strings(\.n_products, \.products, met.map { products[$0] })
    draft.factors = Words.bytes(
      met.flatMap { factors[$0 * factorsPerProduct..<($0 + 1) * factorsPerProduct] })
    draft.popularity = Words.bytes(met.map { popularity.overall[$0] })
    let segments = popularity.segments.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    draft.list(\.n_segments, \.segments, of: segments) { entry, segment in
      entry.segment = segment.key
      entry.popularity = Words.bytes(met.map { segment.value[$0] })
    }
    if similarities.rows > 0 { fillSimilarities(draft, met) }
    if let rating { draft.message(\.ratings) { rating.fill($0) } }
  }

  private func fillSimilarities(_ draft: Draft<Proto.Fit>, _ met: [Int]) {
    var place = [UInt32](repeating: 0, count: similarities.rows)
    for (index, product) in met.enumerated() { place[product] = UInt32(index) }
    let rows = met.map { similarities.row($0) }
    draft.similar_counts = Words.bytes(rows.map { UInt32($0.count) })
    draft.similar_products = Words.bytes(rows.joined().map { place[$0.column] })
    draft.similarities = Words.bytes(rows.joined().map(\.value))
  }

  /// Products that the fit says anything of, ascending.
  private func met(products: Int, _ factorsPerProduct: Int) -> [Int] {
    var isMet = (0..<products).map { product in
      popularity.overall[product] > 0
        || factors[product * factorsPerProduct..<(product + 1) * factorsPerProduct].contains { $0 != 0 }
    }
    for product in 0..<similarities.rows {
      let row = similarities.row(product)
      if !row.isEmpty { isMet[product] = true }
      for entry in row { isMet[entry.column] = true }
    }
    return isMet.indices.filter { isMet[$0] }
  }

  private static func similarities(
    _ view: View<Proto.Fit>, products: Int
  ) throws(TrainingError) -> [[(product: Int, weight: Float)]] {
    let counts = try Words.words(view.similar_counts)
    let others = try Words.words(view.similar_products)
    let weights = try Words.floats(view.similarities)
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
