/// Something that happened. Equal events are the same write; the same id with other content is refused.
public struct Event: Hashable, Sendable {
  /// The write is idempotent by it.
  public let id: EventID
  /// What happened.
  public let kind: EventKind
  /// To whom.
  public let customer: CustomerID
  /// With what; nil for searches only.
  public var product: ProductID?
  /// The offer it was sold or shown under; nil = none.
  public var offer: OfferID?
  /// When it happened.
  public let occurredAt: Timestamp
  /// Units; 0 = does not apply.
  public var quantity: Int64 = 0
  /// What the customer paid for all units (returns: was paid back); nil = does not apply.
  public var revenue: Money?
  /// Margin at sale over all units, in the revenue's currency; nil = not known.
  public var margin: Money?
  /// The customer's judgement on the tenant's own scale; for ratings only.
  public var rating: Double?
  /// Nil = not known.
  public var channel: SalesChannel?
  /// Nil = nobody.
  public var salesperson: SalespersonID?
  /// The answer of a ranker that this follows from; nil = none.
  public var recommendation: RecommendationID?
  /// What was searched for; only for searches.
  public var query = ""

  /// An event of which nothing else is known; `validate()` says whether its kind admits that.
  public init(id: EventID, kind: EventKind, customer: CustomerID, occurredAt: Timestamp) {
    self.id = id
    self.kind = kind
    self.customer = customer
    self.occurredAt = occurredAt
  }

  /// Checks the rules that span several fields, such as that a rating carries its value.
  public func validate() throws(InvalidField) {
    func require(_ condition: Bool, _ field: String, _ reason: @autoclosure () -> String) throws(InvalidField) {
      guard condition else { throw InvalidField(field: field, reason: reason()) }
    }
    try require(product != nil || kind == .search, "product", "is empty; a \(kind) needs it")
    try require(
      occurredAt > .epoch && occurredAt <= Timestamp.admitted.upperBound, "occurred_at_us",
      "is \(occurredAt); a time after 1970 is needed")
    let least: Int64 = kind == .purchase || kind == .return ? 1 : 0
    try require(
      quantity >= least && quantity <= Limits.quantity, "quantity",
      "is \(quantity); a \(kind) has \(least) to \(Limits.quantity) units")
    if let revenue {
      try require(revenue.minorUnits >= 0, "revenue.minor_units", "is \(revenue.minorUnits); it may not be negative")
    }
    try require(
      margin == nil || margin?.currency == revenue?.currency, "margin.currency",
      "is \(margin?.currency.code ?? ""); it must be that of the revenue, \(revenue?.currency.code ?? "which is absent")"
    )
    try require(
      (rating != nil) == (kind == .rating), "rating",
      kind == .rating ? "is absent; a rating needs it" : "is set; only a rating has one, this is a \(kind)")
    try require(rating?.isFinite ?? true, "rating.value", "is not finite")
    try require(query.isEmpty || kind == .search, "query", "is set; only a search has one, this is a \(kind)")
    _ = try Check.text(query, atMost: Limits.queryBytes, "query")
  }
}
