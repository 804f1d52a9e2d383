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
        segments: segments, factors: try Self.floats(view.factors))
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
    let met = products.indices.filter { product in
      popularity.overall[product] > 0
        || factors[product * factorsPerProduct..<(product + 1) * factorsPerProduct].contains { $0 != 0 }
    }
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
  }

  /// f32 little-endian.
  private static func bytes(_ values: [Float]) -> [UInt8] {
    values.map(\.bitPattern.littleEndian).withUnsafeBytes { Array($0) }
  }

  private static func floats(_ bytes: [UInt8]) throws(TrainingError) -> [Float] {
    let width = MemoryLayout<UInt32>.size
    guard bytes.count % width == 0 else { throw .champion("\(bytes.count) bytes are no whole number of f32 values") }
    return bytes.withUnsafeBytes { raw in
      (0..<raw.count / width).map { index in
        Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: index * width, as: UInt32.self)))
      }
    }
  }
}
