import Commerce
import Messages

/// One answer of a ranker, checked, without what it shares with others and what nobody asks for later.
struct ServedAnswer: Sendable, Equatable {
  /// What all answers of one arm have in common.
  struct Source: Sendable, Hashable {
    var model = ""
    var bake = ""
    var arm = ""
    var propensity: Float = 0
  }

  let id: ServedID
  let customer: CustomerID
  /// Wall clock of the ranker.
  let servedAt: Timestamp
  /// Business time.
  let occurredAt: Timestamp
  let channel: SalesChannel?
  /// Products that the request wanted first.
  let pinned: [ProductID]
  /// Products that the request wanted left out.
  let excluded: [ProductID]
  /// The caller named the call.
  let isNamed: Bool
  let source: Source
  /// The rest of the answer.
  let content: Encoded<Proto.GetRecommendationsResponse>

  /// Reads what a ranker sends, and checks every limit that the contract states.
  init(validating view: View<Proto.ServedRecord>) throws(InvalidField) {
    customer = try CustomerID(view.customer, field: "customer")
    servedAt = try Self.time(view.served_at_us, "served_at_us")
    occurredAt = try Self.time(view.occurred_at_us, "occurred_at_us")
    channel = try SalesChannel.read(view.channel)
    pinned = try Self.products("pinned", view.strings(\.n_pinned, \.pinned), atMost: IngestLimits.servedPinned)
    excluded = try Self.products(
      "excluded", view.strings(\.n_excluded, \.excluded), atMost: IngestLimits.servedExcluded)
    isNamed = view.named
    let answer: View<Proto.GetRecommendationsResponse>
    do throws(MessageError) {
      answer = try Encoded(unchecked: view.answer).decode()
    } catch {
      throw InvalidField(field: "answer", reason: "is no GetRecommendationsResponse: \(error)")
    }
    guard let id = ServedID(answer.recommendation_id) else {
      throw InvalidField(field: "answer.recommendation_id", reason: "is not 32 hex digits in lower case")
    }
    self.id = id
    source = Source(model: answer.model, bake: answer.bake, arm: answer.arm, propensity: answer.propensity)
    for (field, name) in [("model", source.model), ("bake", source.bake), ("arm", source.arm)]
    where name.utf8.count > IngestLimits.servedNameBytes {
      throw InvalidField(
        field: "answer.\(field)",
        reason: "has \(name.utf8.count) bytes; at most \(IngestLimits.servedNameBytes) are admitted")
    }
    guard (0...1).contains(source.propensity) else {
      throw InvalidField(field: "answer.propensity", reason: "is \(source.propensity); 0 to 1 are admitted")
    }
    content = try Self.content(of: answer)
  }

  private static func time(_ microseconds: Int64, _ field: String) throws(InvalidField) -> Timestamp {
    let time = Timestamp(microseconds: microseconds)
    guard time > .epoch, time <= Timestamp.admitted.upperBound else {
      throw InvalidField(field: field, reason: "is \(time); a time after 1970 is needed")
    }
    return time
  }

  private static func products(
    _ field: String, _ ids: [String], atMost most: Int
  ) throws(InvalidField) -> [ProductID] {
    guard ids.count <= most else {
      throw InvalidField(field: field, reason: "has \(ids.count) elements; at most \(most) are admitted")
    }
    var products: [ProductID] = []
    for (index, id) in ids.enumerated() { products.append(try ProductID(id, field: "\(field)[\(index)]")) }
    return products
  }

  private static func content(
    of answer: View<Proto.GetRecommendationsResponse>
  ) throws(InvalidField) -> Encoded<Proto.GetRecommendationsResponse> {
    let items = answer.list(\.n_items, \.items)
    guard items.count <= IngestLimits.servedItems else {
      throw InvalidField(
        field: "answer.items",
        reason: "has \(items.count) elements; at most \(IngestLimits.servedItems) are admitted")
    }
    for (index, item) in items.enumerated() {
      _ = try ProductID(item.product, field: "answer.items[\(index)].product")
      if !item.offer.isEmpty { _ = try OfferID(item.offer, field: "answer.items[\(index)].offer") }
    }
    return Encoded { draft in
      draft.outcome = answer.outcome
      draft.list(\.n_items, \.items, of: items) { draft, item in
        draft.product = item.product
        draft.offer = item.offer
        draft.score = item.score
        draft.pinned = item.pinned
      }
      draft.frozen = answer.frozen
      draft.fallback = answer.fallback
      draft.as_of_us = answer.as_of_us
      draft.nothing = answer.nothing
      draft.refilled = answer.refilled
      draft.reranked = answer.reranked
    }
  }
}

// MARK: The contract's messages

extension ServedAnswer {
  /// Writes the contract's message, from which the same answer can be read again.
  func fill(_ draft: Draft<Proto.ServedRecord>) {
    draft.customer = customer.rawValue
    draft.served_at_us = servedAt.microseconds
    draft.occurred_at_us = occurredAt.microseconds
    fillWishes(draft)
    draft.named = isNamed
    draft.answer = Encoded<Proto.GetRecommendationsResponse> { fill($0) }.bytes
  }

  /// What a row of the table has no column for.
  var rowContent: [UInt8] {
    Encoded<Proto.ServedRecord> { draft in
      fillWishes(draft)
      draft.answer = content.bytes
    }.bytes
  }

  private func fillWishes(_ draft: Draft<Proto.ServedRecord>) {
    draft.channel = channel?.proto ?? .unknown
    draft.strings(\.n_pinned, \.pinned, pinned.map(\.rawValue))
    draft.strings(\.n_excluded, \.excluded, excluded.map(\.rawValue))
  }

  private func fill(_ draft: Draft<Proto.GetRecommendationsResponse>) {
    Self.fill(draft, id: id, source: source, content: content)
  }

  /// Puts an answer together again.
  static func fill(
    _ draft: Draft<Proto.GetRecommendationsResponse>, id: ServedID, source: Source,
    content: Encoded<Proto.GetRecommendationsResponse>
  ) {
    // It was made by `content(of:)`.
    guard let content = try? content.decode() else { return }
    draft.outcome = content.outcome
    draft.list(\.n_items, \.items, sharing: content.list(\.n_items, \.items))
    draft.model = source.model
    draft.bake = source.bake
    draft.recommendation_id = id.description
    draft.frozen = content.frozen
    draft.fallback = content.fallback
    draft.as_of_us = content.as_of_us
    draft.arm = source.arm
    draft.propensity = source.propensity
    draft.nothing = content.nothing
    draft.refilled = content.refilled
    draft.reranked = content.reranked
  }

  /// What the salesperson wanted first against the list, as events.
  var overrides: [Event] {
    pinned.enumerated().compactMap { place, product in
      guard let id = try? EventID("\(id)/pin/\(place)"), let recommendation = try? RecommendationID("\(self.id)") else {
        return nil
      }
      var event = Event(id: id, kind: .override, customer: customer, occurredAt: occurredAt)
      event.product = product
      event.channel = channel
      event.recommendation = recommendation
      return event
    }
  }
}
