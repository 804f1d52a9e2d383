/// What a rating model has learned beside its numbers of each product: enough to fold in customers, and products that it has
/// not met.
public struct RatingFit: Sendable, Equatable {
  /// How the ratings that it learned from were given.
  public let scale: RatingScale
  /// Names of the attributes' values of customers, in the order of `Block.customerAttributes`.
  public let customerFeatures: [String]
  /// Likewise of products.
  public let productFeatures: [String]
  /// At least one.
  public let blocks: [Block]

  /// What the own w and v of a customer, or product, are drawn from: [1 + factors] each.
  public struct Prior: Sendable, Equatable {
    /// Means.
    public let mean: [Float]
    /// Precisions, positive; of factorisation for each rating of the customer.
    public let precision: [Float]

    /// Takes up a prior; both have one length.
    public init(mean: [Float], precision: [Float]) { (self.mean, self.precision) = (mean, precision) }
  }

  /// One set of parameters, in units of standardised ratings.
  public struct Block: Sendable, Equatable {
    /// w₀.
    public let offset: Float
    /// Precision of a rating given all parameters.
    public let noise: Float
    /// Of customers.
    public let customers: Prior
    /// w and v of each attribute's values, [features × (1 + factors)].
    public let customerAttributes: [Float]
    /// Of products.
    public let products: Prior
    /// As `customerAttributes`.
    public let productAttributes: [Float]

    /// Takes up a set of parameters.
    public init(
      offset: Float, noise: Float, customers: Prior, customerAttributes: [Float], products: Prior,
      productAttributes: [Float]
    ) {
      (self.offset, self.noise) = (offset, noise)
      (self.customers, self.customerAttributes) = (customers, customerAttributes)
      (self.products, self.productAttributes) = (products, productAttributes)
    }
  }

  /// Takes up what was learned; `check` says whether it belongs together.
  public init(scale: RatingScale, customerFeatures: [String], productFeatures: [String], blocks: [Block]) {
    (self.scale, self.blocks) = (scale, blocks)
    (self.customerFeatures, self.productFeatures) = (customerFeatures, productFeatures)
  }

  /// Beyond any parameter of standardised ratings; ten to the sixth is what a damaged file holds.
  private static let largest: Float = 1e6

  /// Throws `malformedFit` unless it belongs to a model and has numbers that can be reckoned with.
  func check(_ model: RatingModel) throws(LearningError) {
    let bounds = [scale.mean, scale.unit, scale.range.lowerBound, scale.range.upperBound]
    guard bounds.allSatisfy(RatingScale.admits), scale.unit > 0 else {
      throw .malformedFit("its scale of ratings is none")
    }
    guard blocks.count == model.blocks else {
      throw .malformedFit("\(blocks.count) sets of parameters are not its recipe's \(model.blocks)")
    }
    for block in blocks {
      let columns = model.blockColumns
      guard
        [block.customers, block.products].allSatisfy({ $0.mean.count == columns && $0.precision.count == columns }),
        block.customerAttributes.count == customerFeatures.count * columns,
        block.productAttributes.count == productFeatures.count * columns
      else { throw .malformedFit("its parameters are not \(columns) for each attribute's value") }
      let parameters = [
        [block.offset], block.customers.mean, block.products.mean, block.customerAttributes, block.productAttributes,
      ]
      let precisions = [[block.noise], block.customers.precision, block.products.precision].joined()
      guard parameters.joined().allSatisfy({ abs($0) <= Self.largest }),
        precisions.allSatisfy({ $0 > 0 && $0.isFinite })
      else { throw .malformedFit("a parameter of its ratings is out of range") }
    }
  }

  /// Throws `malformedFit` for numbers of products that no ratings give.
  static func check(products: [Float]) throws(LearningError) {
    guard products.allSatisfy({ abs($0) <= largest }) else {
      throw .malformedFit("a product's number is out of range")
    }
  }
}
