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
            mean: try Words.floats(block.customer_mean), precision: try Words.floats(block.customer_precision)),
          customerAttributes: try Words.floats(block.customer_attributes),
          products: Prior(
            mean: try Words.floats(block.product_mean), precision: try Words.floats(block.product_precision)),
          productAttributes: try Words.floats(block.product_attributes)))
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
      draft.customer_mean = Words.bytes(block.customers.mean)
      draft.customer_precision = Words.bytes(block.customers.precision)
      draft.customer_attributes = Words.bytes(block.customerAttributes)
      draft.product_mean = Words.bytes(block.products.mean)
      draft.product_precision = Words.bytes(block.products.precision)
      draft.product_attributes = Words.bytes(block.productAttributes)
    }
  }
}
