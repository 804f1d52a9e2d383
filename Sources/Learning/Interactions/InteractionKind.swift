/// What a customer did with a product, and how much it says about liking it.
public enum InteractionKind: UInt8, Sendable, CaseIterable {
  /// Looked at it.
  case view
  /// Had it shown.
  case impression
  /// Had it suggested by a person.
  case suggestion
  /// Clicked on it.
  case click
  /// Took a recommendation of it.
  case accept
  /// Turned a recommendation of it down.
  case reject
  /// A salesperson put another in its place.
  case override
  /// Put it in the basket.
  case addToBasket
  /// Bought it.
  case purchase
  /// Gave back or cancelled what was bought.
  case giveBack
  /// Rated it.
  case rating

  /// Confidence that one such act adds before quantity and age count; 0 = says nothing for the product.
  ///
  /// Purchases carry the unit. What the tenant showed of its own accord (impressions, suggestions) and what was turned
  /// down adds nothing; a return takes purchases back instead of adding.
  public var weight: Double {
    switch self {
    case .purchase, .rating: 1
    case .addToBasket, .accept: 0.5
    case .click: 0.2
    case .view: 0.1
    case .impression, .suggestion, .reject, .override, .giveBack: 0
    }
  }
}
