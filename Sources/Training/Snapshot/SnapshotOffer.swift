import Messages

/// An offer of a snapshot, its product still by id: in the stream, products and offers come in whatever order.
struct SnapshotOffer {
  private let id: String
  private let product: String
  private let channels: UInt32
  private let validity: TenantData.Availability
  private let discount: UInt32

  /// Throws `snapshot` for one that breaks the contract.
  init(_ view: View<Proto.Offer>) throws(TrainingError) {
    guard !view.id.isEmpty else { throw .snapshot("one of the offers has no id") }
    id = view.id
    product = view.product
    var channels: UInt32 = 0
    for channel in view.scalars(\.n_channels, \.channels) {
      guard (1..<UInt32(UInt32.bitWidth)).contains(channel.rawValue) else {
        throw .snapshot("the offer '\(view.id)' is made through channel \(channel.rawValue); update the trainer")
      }
      channels |= 1 << channel.rawValue
    }
    self.channels = channels
    validity = TenantData.Availability(
      from: view.valid_from_us == 0 ? .min : view.valid_from_us,
      until: view.valid_until_us == 0 ? .max : view.valid_until_us)
    discount = view.discount_ppm
  }

  /// The offers of known products, by product, the one to be named first before the others.
  static func ordered(_ offers: [SnapshotOffer], by product: (String) -> Int?) -> [TenantData.Offer] {
    offers.compactMap { offer in
      product(offer.product).map {
        TenantData.Offer(
          id: offer.id, product: $0, channels: offer.channels, validity: offer.validity, discount: offer.discount)
      }
    }.sorted { $0.product == $1.product ? $0.precedes($1) : $0.product < $1.product }
  }
}
