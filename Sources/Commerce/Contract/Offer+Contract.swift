import Messages

extension Offer {
  /// Reads the contract's message and checks every limit it states.
  public init(validating view: View<Proto.Offer>) throws(InvalidField) {
    self.init(id: try OfferID(view.id), product: try ProductID(view.product, field: "product"))
    discountPPM = view.discount_ppm
    for (index, product) in view.strings(\.n_bundle, \.bundle).enumerated() {
      bundle.append(try ProductID(product, field: "bundle[\(index)]"))
    }
    for (index, proto) in view.scalars(\.n_channels, \.channels).enumerated() {
      guard let channel = try SalesChannel.read(proto) else {
        throw InvalidField(field: "channels[\(index)]", reason: "is unknown; push or pull is needed")
      }
      channels.append(channel)
    }
    validFrom = try Check.time(view.valid_from_us, "valid_from_us")
    validUntil = try Check.time(view.valid_until_us, "valid_until_us")
    try validate()
  }

  /// Checks every limit; for offers that do not come from the contract's message.
  public func validate() throws(InvalidField) {
    guard discountPPM <= Limits.discountPPM else {
      throw InvalidField(field: "discount_ppm", reason: "is \(discountPPM); at most \(Limits.discountPPM) is admitted")
    }
    try Check.count(bundle.count, atMost: Limits.bundle, "bundle")
    guard Set(channels).count == channels.count else {
      throw InvalidField(field: "channels", reason: "names a channel twice")
    }
    try Check.period(from: validFrom, until: validUntil, "valid_until_us")
  }

  /// Writes the contract's message; equal offers become equal bytes.
  public func fill(_ draft: Draft<Proto.Offer>) {
    draft.id = id.rawValue
    draft.product = product.rawValue
    draft.discount_ppm = discountPPM
    draft.strings(\.n_bundle, \.bundle, bundle.map(\.rawValue))
    draft.scalars(\.n_channels, \.channels, channels.map(\.proto))
    draft.valid_from_us = validFrom?.microseconds ?? 0
    draft.valid_until_us = validUntil?.microseconds ?? 0
  }
}
