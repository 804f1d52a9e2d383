/// Who began the conversation in which something was sold or shown.
public enum SalesChannel: String, CaseIterable, Sendable {
  /// The tenant approached the customer: mail, campaign, call.
  case push
  /// The customer came: shop, web, incoming call.
  case pull
}
