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
      segments[segment.segment] = try Self.floats(segment.popularity)
    }
    var origin = [Int?](repeating: nil, count: products)
    for (row, id) in ids.enumerated() {
      if let product = catalogue[Array(id.utf8)] { origin[product] = row }
    }
    do {
      let kept = try Fit(
        recipe: recipe, cut: view.cut_us, products: ids.count, overall: try Self.floats(view.popularity),
        segments: segments, factors: try Self.floats(view.factors),
        similarities: try Self.similarities(view, products: ids.count))
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
    draft.factors = Self.bytes(
      met.flatMap { factors[$0 * factorsPerProduct..<($0 + 1) * factorsPerProduct] })
    draft.popularity = Self.bytes(met.map { popularity.overall[$0] })
    let segments = popularity.segments.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    draft.list(\.n_segments, \.segments, of: segments) { entry, segment in
      entry.segment = segment.key
      entry.popularity = Self.bytes(met.map { segment.value[$0] })
    }
    if similarities.rows > 0 { fillSimilarities(draft, met) }
  }

  private func fillSimilarities(_ draft: Draft<Proto.Fit>, _ met: [Int]) {
    var place = [UInt32](repeating: 0, count: similarities.rows)
    for (index, product) in met.enumerated() { place[product] = UInt32(index) }
    let rows = met.map { similarities.row($0) }
    draft.similar_counts = Self.bytes(rows.map { UInt32($0.count) })
    draft.similar_products = Self.bytes(rows.joined().map { place[$0.column] })
    draft.similarities = Self.bytes(rows.joined().map(\.value))
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
    let counts = try words(view.similar_counts)
    let others = try words(view.similar_products)
    let weights = try floats(view.similarities)
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

  /// f32 little-endian.
  private static func bytes(_ values: [Float]) -> [UInt8] { bytes(values.map(\.bitPattern)) }

  /// u32 little-endian.
  private static func bytes(_ values: [UInt32]) -> [UInt8] {
    values.map(\.littleEndian).withUnsafeBytes { Array($0) }
  }

  private static func floats(_ bytes: [UInt8]) throws(TrainingError) -> [Float] {
    try words(bytes).map { Float(bitPattern: $0) }
  }

  private static func words(_ bytes: [UInt8]) throws(TrainingError) -> [UInt32] {
    let width = MemoryLayout<UInt32>.size
    guard bytes.count % width == 0 else { throw .champion("\(bytes.count) bytes are no whole number of 32-bit values") }
    return bytes.withUnsafeBytes { raw in
      (0..<raw.count / width).map { index in
        UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: index * width, as: UInt32.self))
      }
    }
  }
}
