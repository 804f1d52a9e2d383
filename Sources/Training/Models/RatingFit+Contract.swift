import Learning
import Messages

extension RatingFit {
  /// Reads the contract's message; whether it belongs to its recipe is for the fit to say. Throws `champion` for bytes that are
  /// no columns.
  init(validating view: View<Proto.RatingFit>) throws(TrainingError) {
    guard view.low <= view.high else { throw .champion("its ratings run from \(view.low) to \(view.high)") }
    var blocks: [Block] = []
    for block in view.list(\.n_blocks, \.blocks) {
      blocks.append(
        Block(
          offset: block.offset, noise: block.noise,
          customers: Prior(
            mean: try [Float](littleEndian: block.customer_mean),
            precision: try [Float](littleEndian: block.customer_precision)),
          customerAttributes: try [Float](littleEndian: block.customer_attributes),
          products: Prior(
            mean: try [Float](littleEndian: block.product_mean),
            precision: try [Float](littleEndian: block.product_precision)),
          productAttributes: try [Float](littleEndian: block.product_attributes)))
    }
    self.init(
      scale: RatingScale(mean: view.mean, unit: view.unit, range: view.low...view.high),
      customerFeatures: view.strings(\.n_customer_features, \.customer_features),
      productFeatures: view.strings(\.n_product_features, \.product_features), blocks: blocks)
  }

  /// Writes the contract's message.
  func fill(_ draft: Draft<Proto.RatingFit>) {
    draft.mean = scale.mean
    draft.unit = scale.unit
    draft.low = scale.range.lowerBound
    draft.high = scale.range.upperBound
    draft.strings(\.n_customer_features, \.customer_features, customerFeatures)
    draft.strings(\.n_product_features, \.product_features, productFeatures)
    draft.list(\.n_blocks, \.blocks, of: blocks) { draft, block in
      draft.offset = block.offset
      draft.noise = block.noise
      draft.customer_mean = block.customers.mean.littleEndianBytes
      draft.customer_precision = block.customers.precision.littleEndianBytes
      draft.customer_attributes = block.customerAttributes.littleEndianBytes
      draft.product_mean = block.products.mean.littleEndianBytes
      draft.product_precision = block.products.precision.littleEndianBytes
      draft.product_attributes = block.productAttributes.littleEndianBytes
    }
  }
}
