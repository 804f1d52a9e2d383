import Commerce
import Messages

/// What a ranker answered under a recommendation id, as ingest keeps it, and what was reported of it since.
public struct ServedRecommendations: Sendable, Hashable {
  /// An event with the recommendation id.
  public struct Reaction: Sendable, Hashable {
    /// What happened: IMPRESSION = it was shown.
    public let kind: EventKind
    /// With what; nil = with no product.
    public let product: ProductID?
    /// Business time.
    public let occurredAt: Timestamp
    /// Units; 0 = does not apply.
    public let quantity: Int64
  }

  /// Whose list it was.
  public let customer: CustomerID
  /// Wall clock of the ranker.
  public let servedAt: Timestamp
  /// Business time.
  public let occurredAt: Timestamp
  /// The channel that the lookup named.
  public let channel: SalesChannel?
  /// What the lookup pinned.
  public let pinned: [ProductID]
  /// What the lookup excluded.
  public let excluded: [ProductID]
  /// The answer, without names; the place of an item is its position. Its age is not kept: zero.
  public let answer: Recommendations
  /// In the order in which they were received; the first 100.
  public let reactions: [Reaction]

  init(_ view: View<Proto.ResolveRecommendationResponse>) throws(InvalidField) {
    customer = try CustomerID(view.customer, field: "customer")
    servedAt = Timestamp(microseconds: view.served_at_us)
    occurredAt = Timestamp(microseconds: view.occurred_at_us)
    channel = try SalesChannel.read(view.channel)
    pinned = try Self.products(view.strings(\.n_pinned, \.pinned), "pinned")
    excluded = try Self.products(view.strings(\.n_excluded, \.excluded), "excluded")
    guard let answer = view.answer else { throw InvalidField(field: "answer", reason: "is absent") }
    self.answer = try Recommendations(answer)
    var reactions: [Reaction] = []
    for reaction in view.list(\.n_reactions, \.reactions) {
      reactions.append(
        Reaction(
          kind: try EventKind(validating: reaction.kind),
          product: reaction.product.isEmpty ? nil : try ProductID(reaction.product, field: "reactions.product"),
          occurredAt: Timestamp(microseconds: reaction.occurred_at_us), quantity: reaction.quantity))
    }
    self.reactions = reactions
  }

  private static func products(_ ids: [String], _ field: String) throws(InvalidField) -> [ProductID] {
    var products: [ProductID] = []
    for id in ids { products.append(try ProductID(id, field: field)) }
    return products
  }
}
