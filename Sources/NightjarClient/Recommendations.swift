import Commerce
import Messages

/// A ranker's answer: what to recommend to one customer, and where that comes from.
public struct Recommendations: Sendable, Hashable {
  /// Whose list it is.
  public enum Outcome: Sendable, Hashable {
    /// The customer's own.
    case list
    /// The engine recommends nothing to this customer.
    case nothing
    /// Everybody's, because the customer is not in the bake.
    case unknownCustomer
    /// That of the segment that the lookup names, because the customer is not in the bake.
    case segment
    /// That of the region that the lookup names, because the customer is not in the bake.
    case region
    /// That of those who share one of the attributes that the lookup names, because the customer is not in the bake.
    case attributes
    /// Popularity's, because the tenant has too little data for a model.
    case dataFloor
    /// There is none: the tenant's engine is off.
    case off
  }

  /// One product of the list.
  public struct Item: Sendable, Hashable {
    /// What to recommend.
    public let product: ProductID
    /// At which offer; nil = the product as such.
    public let offer: OfferID?
    /// Comparable within one list only.
    public let score: Float
    /// Nil where the lookup did not ask for names.
    public let name: String?
    /// It stands here because the lookup pins it.
    public let isPinned: Bool
  }

  /// What the list was made by; absent where the engine is off.
  public struct Source: Sendable, Hashable {
    /// The model, such as `als-7`.
    public let model: String
    /// The bake of the model, such as `als-7.12`.
    public let bake: String
    /// The arm that answered.
    public let arm: String
    /// Business time of the data that the list was baked from.
    public let asOf: Timestamp
    /// Business time since then.
    public let age: Duration
    /// Probability with which the customer has this arm.
    public let propensity: Float
  }

  /// Whose list it is.
  public let outcome: Outcome
  /// Best first.
  public let items: [Item]
  /// What the list was made by; nil where the engine is off.
  public let source: Source?
  /// Names this answer: impressions and what came of them refer to it.
  public let id: RecommendationID
  /// The tenant is frozen: the list is served, the model is not retrained.
  public let isFrozen: Bool
  /// The list is ranked by what happens in the call.
  public let isReranked: Bool

  /// Reads an answer. Throws for what the contract does not admit, or came with a later version of it.
  init(_ answer: View<Proto.GetRecommendationsResponse>) throws(InvalidField) {
    outcome = try Outcome(answer)
    var items: [Item] = []
    for (place, item) in answer.list(\.n_items, \.items).enumerated() {
      items.append(try Item(item, at: place))
    }
    self.items = items
    source =
      answer.bake.isEmpty
      ? nil
      : Source(
        model: answer.model, bake: answer.bake, arm: answer.arm, asOf: Timestamp(microseconds: answer.as_of_us),
        age: .seconds(answer.age_s), propensity: answer.propensity)
    id = try RecommendationID(answer.recommendation_id, field: "recommendation_id")
    isFrozen = answer.frozen
    isReranked = answer.reranked
  }
}

extension Recommendations.Outcome {
  fileprivate init(_ answer: View<Proto.GetRecommendationsResponse>) throws(InvalidField) {
    switch answer.outcome {
    case .list: self = .list
    case .nothing: self = .nothing
    case .off: self = .off
    case .fallback where answer.fallback == .unknownCustomer: self = .unknownCustomer
    case .fallback where answer.fallback == .dataFloor: self = .dataFloor
    case .fallback where answer.fallback == .segment: self = .segment
    case .fallback where answer.fallback == .region: self = .region
    case .fallback where answer.fallback == .attributes: self = .attributes
    default: throw InvalidField(field: "outcome", reason: "is one that this client does not know; update it")
    }
  }
}

extension Recommendations.Item {
  fileprivate init(_ item: View<Proto.Recommendation>, at place: Int) throws(InvalidField) {
    product = try ProductID(item.product, field: "items[\(place)].product")
    offer = item.offer.isEmpty ? nil : try OfferID(item.offer, field: "items[\(place)].offer")
    score = item.score
    name = item.name.isEmpty ? nil : item.name
    isPinned = item.pinned
  }
}
