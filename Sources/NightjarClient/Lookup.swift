import Commerce
import Messages

/// What a lookup asks for beside whose list: everything, unless it says otherwise.
public struct Lookup: Sendable, Hashable {
  /// Products at most, 1 to 50.
  public var limit: UInt32 = 10
  /// Only what may be offered through it; nil = whatever.
  public var channel: SalesChannel?
  /// Only what is sold there; empty = where the customer is known to be, or wherever. Says also which list stands in for that of an unknown customer.
  public var region = ""
  /// Segment of an unknown customer, which says which list stands in.
  public var segment = ""
  /// What else is known of an unknown customer: it says which list stands in where the segment does not.
  public var attributes: CustomerAttributes?
  /// Never these: at most 100.
  public var excluded: [ProductID] = []
  /// These first, if they may be offered at all: at most 10.
  public var pinned: [ProductID] = []
  /// What the customer does in the call, in the order in which it happens: at most 50. The whole catalogue is ranked by it.
  public var acts: [Act] = []
  /// Categories that the customer speaks of: at most 10.
  public var categories: [String] = []
  /// Answer with the products' names.
  public var names = false

  /// What a customer does in a call.
  public enum Act: Sendable, Hashable {
    /// Looks at it.
    case views(ProductID)
    /// Wants to know more of it.
    case clicks(ProductID)
    /// Puts it into the basket.
    case takes(ProductID)
    /// Buys it.
    case buys(ProductID)
    /// Does not want it.
    case rejects(ProductID)

    fileprivate var wire: (kind: Proto.EventKind, product: ProductID) {
      switch self {
      case .views(let product): (.view, product)
      case .clicks(let product): (.click, product)
      case .takes(let product): (.addToBasket, product)
      case .buys(let product): (.purchase, product)
      case .rejects(let product): (.reject, product)
      }
    }
  }

  /// A lookup of the ten best products.
  public init() {}

  func fill(_ draft: Draft<Proto.GetRecommendationsRequest>) {
    draft.limit = limit
    draft.channel = channel?.proto ?? .unknown
    draft.region = region
    draft.segment = segment
    if let attributes { draft.message(\.attributes) { attributes.fill($0) } }
    draft.strings(\.n_exclude, \.exclude, excluded.map(\.rawValue))
    draft.strings(\.n_pin, \.pin, pinned.map(\.rawValue))
    draft.names = names
    guard !acts.isEmpty || !categories.isEmpty else { return }
    draft.message(\.context) { context in
      context.list(\.n_acts, \.acts, of: acts) { draft, act in
        draft.kind = act.wire.kind
        draft.product = act.wire.product.rawValue
      }
      context.strings(\.n_categories, \.categories, categories)
    }
  }
}
