import Messages

extension Event {
  /// Reads the contract's message and checks every limit it states, but for how far it may lie in the future: only the
  /// service knows its tenant's business time.
  public init(validating view: View<Proto.Event>) throws(InvalidField) {
    self.init(
      id: try EventID(view.id), kind: try EventKind(validating: view.kind),
      customer: try CustomerID(view.customer, field: "customer"),
      occurredAt: Timestamp(microseconds: view.occurred_at_us))
    product = try .optional(view.product, field: "product")
    offer = try .optional(view.offer, field: "offer")
    quantity = view.quantity
    revenue = try Money.optional(view.revenue, "revenue")
    margin = try Money.optional(view.margin, "margin")
    rating = view.rating?.value
    channel = try SalesChannel.read(view.channel)
    salesperson = try .optional(view.salesperson, field: "salesperson")
    recommendation = try .optional(view.recommendation_id, field: "recommendation_id")
    query = view.query
    try validate()
  }

  /// Writes the contract's message; equal events become equal bytes.
  public func fill(_ draft: Draft<Proto.Event>) {
    draft.id = id.rawValue
    draft.customer = customer.rawValue
    draft.product = product?.rawValue ?? ""
    draft.offer = offer?.rawValue ?? ""
    draft.kind = kind.proto
    draft.occurred_at_us = occurredAt.microseconds
    draft.quantity = quantity
    if let revenue { draft.message(\.revenue) { revenue.fill($0) } }
    if let margin { draft.message(\.margin) { margin.fill($0) } }
    if let rating { draft.message(\.rating) { $0.value = rating } }
    draft.channel = channel?.proto ?? .unknown
    draft.salesperson = salesperson?.rawValue ?? ""
    draft.recommendation_id = recommendation?.rawValue ?? ""
    draft.query = query
  }
}
